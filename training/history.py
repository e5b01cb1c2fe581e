"""Training history: the measurements of each epoch, as JSON Lines and as a chart."""

import dataclasses
import itertools
import json
from typing import Any

from training.model_packages import import_model_package
from training.run_folder import RunFolder, write_whole

MEASURES = {
    "top1": "top-1 accuracy",
    "agreement": "same top-1 as the teacher",
    "cosine": "similarity to the teacher's features",
}


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The measurements of one epoch.

    `size` is the side of its images in pixels. `seconds` counts training and validation since the
    run was last started. `val_top1` is the `measure` on the validation photos: top-1 accuracy; with
    a teacher, the share that get its top-1 class, or the mean cosine of the angle between the
    features.
    """

    epoch: int
    size: int
    learning_rate: float
    train_loss: float
    val_loss: float
    val_top1: float
    seconds: float
    measure: str = "top1"

    @property
    def rank(self) -> tuple[float, float]:
        """The rank of the epoch, by top-1 and then by loss; the best epoch has the highest."""
        return self.val_top1, -self.val_loss


def write_history(run: RunFolder, history: list[Epoch]) -> None:
    """Write `history.jsonl` and `curves.png` of the run."""
    lines = "".join(json.dumps(dataclasses.asdict(epoch)) + "\n" for epoch in history)
    write_whole(run.history, lambda part: part.write_text(lines, encoding="utf-8"))
    write_whole(run.curves, lambda part: _draw(history).savefig(part, dpi=100))


def read_history(run: RunFolder) -> list[Epoch]:
    """Read `history.jsonl`; the list is empty before the first epoch has ended."""
    if not run.history.exists():
        return []
    return [
        Epoch(**json.loads(line)) for line in run.history.read_text(encoding="utf-8").splitlines()
    ]


def _draw(history: list[Epoch]) -> Any:
    # Without pyplot, which keeps figures open and may need a display.
    figure = import_model_package("matplotlib.figure").Figure(
        figsize=(9, 3.6), layout="constrained"
    )
    losses, accuracy = figure.subplots(1, 2)
    epochs = [epoch.epoch + 1 for epoch in history]
    losses.plot(epochs, [epoch.train_loss for epoch in history], ".-", label="training")
    losses.plot(epochs, [epoch.val_loss for epoch in history], ".-", label="validation")
    measure = history[0].measure if history else "top1"
    if measure == "top1":
        losses.set(ylabel="cross-entropy", title="Loss (training: label smoothing)")
    else:
        losses.set(ylabel="distance from the teacher", title="Loss")
    losses.set(xlabel="epoch")
    losses.legend()
    scores = [100 * epoch.val_top1 for epoch in history]
    accuracy.plot(epochs, scores, ".-", color="tab:green")
    title = f"{MEASURES[measure].capitalize()}, validation photos"
    accuracy.set(xlabel="epoch", ylabel="%", title=title, ylim=(0, 101))
    for before, after in itertools.pairwise(history):
        if before.size != after.size:
            for axes in (losses, accuracy):
                axes.axvline(after.epoch + 0.5, color="grey", linewidth=0.8, linestyle=":")
    for axes in (losses, accuracy):
        axes.grid(alpha=0.3)
    return figure
