"""Pretraining with a teacher: a student learns the teacher's outputs for the same crops.

Both see the same random crops, over many epochs: "a good teacher is patient and consistent"
(Beyer et al. 2022, arXiv 2106.05237). Classes of the photos are not used.
"""

from pathlib import Path

from training.config import TrainingConfig
from training.device import pick_device
from training.history import Epoch
from training.loop import Hooks, TrainingLoop
from training.pixels import OnDecoded
from training.run_folder import RunFolder
from training.teacher import objective_of, read_teacher
from training.train import (
    default_workers,
    initial_network,
    run_record,
    training_data,
    use_threads,
)
from training.unlabelled import read_unlabelled
from training.weights import initial_weights


def distill(
    *,
    name: str,
    data: tuple[Path, ...],
    out: Path,
    config: TrainingConfig,
    teacher: str,
    pretrained: str,
    command: str,
    cache: Path,
    workers: int | None = None,
    threads: int | None = None,
    checkpoint_s: float = 300,
    hooks: Hooks | None = None,
    on_decoded: OnDecoded | None = None,
) -> list[Epoch]:
    """Train a student, or continue the run in folder `out`.

    Args:
        name: name of the run, for the record.
        data: folders of photos.
        out: folder of the run.
        config: configuration of the run.
        teacher: an architecture with ImageNet weights, whose features the student learns, or the
            folder of a run, whose classes it learns.
        pretrained: initial weights of the student, as in :func:`training.train.train`.
        command: the command line, for the record.
        cache: folder of decoded photos, shared by runs.
        workers: processes that load batches; None chooses a number.
        threads: compute threads; None is torch's choice.
        checkpoint_s: seconds between checkpoints within an epoch.
        hooks: callbacks of the training loop.
        on_decoded: called with the number of decoded photos and of all photos.

    Returns:
        The measurements of every epoch, including those before an interruption.

    Raises:
        WarmlensError: invalid data, teacher, configuration, weights or checkpoint; only decoded
            photos are written then.
    """
    use_threads(threads)
    taught_by = read_teacher(teacher)
    photos = read_unlabelled(data)
    start = initial_weights(pretrained, config.architecture)
    network = initial_network(config, taught_by.outputs, start, keep_head=False)
    pixels = training_data(photos, config, cache, on_decoded)
    run = RunFolder(out)
    run.begin(
        run_record(
            name,
            photos,
            config,
            start,
            command,
            classes=(taught_by.ids, taught_by.labels),
            teacher=taught_by.provenance,
        )
    )
    device = pick_device()
    training = TrainingLoop(
        run,
        config,
        pixels,
        network,
        objective=objective_of(
            taught_by,
            device=device,
            precision=config.precision,
            size=config.teacher_size,
            temperature=config.temperature,
        ),
        device=device,
        workers=default_workers(device, config) if workers is None else workers,
        checkpoint_s=checkpoint_s,
        hooks=hooks or Hooks(),
    )
    return training.run()
