"""Configuration of a training run, and the defaults of each mode."""

import dataclasses
from typing import Any, Literal

from training.findings import counted
from warmlens.errors import WarmlensError

LITES = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
CLASSIFIER_MODES = (
    "small-cnn",
    "resnet50-head",
    "resnet50-full",
    *(f"{lite}-{part}" for lite in LITES for part in ("head", "full")),
)
MODES = (*CLASSIFIER_MODES, "pretrain", "distill")

Precision = Literal["fp32", "bf16", "fp16"]
MIN_SIZE, MAX_SIZE = 32, 512


@dataclasses.dataclass(frozen=True)
class Stage:
    """Epochs on images of `size` x `size` pixels."""

    size: int
    epochs: int


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """The configuration of a run: everything besides its data and initial weights.

    `learning_rate` is the peak of a schedule that rises over the first tenth of all steps and
    then falls to zero along a cosine. `precision` is fp32, or bf16 or fp16 for mixed precision
    (autocast: weights and optimizer stay in fp32). `patience` is the number of epochs without a
    better top-1 on the validation set after which the run stops; 0 never stops early. `head_rate`
    is the factor of the learning rate of the last layer, which begins at random. `mirror` mirrors
    photos at random, for things without words on them.

    Of a run with a teacher: `teacher_size` is the side in pixels at which the teacher sees each
    crop; None is the student's. `temperature` divides the logits of both, so that the classes with
    small probabilities count more.
    """

    mode: str
    architecture: str
    stages: tuple[Stage, ...]
    seed: int
    augment: bool
    precision: Precision
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    patience: int
    head_rate: float = 1.0
    mirror: bool = False
    teacher_size: int | None = None
    temperature: float = 1.0

    @property
    def epochs(self) -> int:
        """The number of epochs in all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def final_size(self) -> int:
        """The side of the images of the last stage, in pixels: the exported model's input."""
        return self.stages[-1].size

    @property
    def only_head(self) -> bool:
        """True when only the last layer is trained."""
        return self.mode.endswith("-head")

    def crop_size(self, size: int) -> int:
        """Return the side of the crops of a stage of `size`: the larger of student and teacher."""
        return max(size, self.teacher_size or size)

    def stage_at(self, epoch: int) -> Stage:
        """Return the stage that `epoch` (from 0) belongs to."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        return self.stages[-1]


DEFAULTS: dict[str, dict[str, Any]] = {
    "small-cnn": {
        "architecture": "small-cnn",
        "stages": (Stage(64, 40),),
        "optimizer": "adamw",
        "learning_rate": 3e-3,
        "weight_decay": 0.05,
        "patience": 12,
    },
    "resnet50-head": {
        "architecture": "resnet50",
        "stages": (Stage(128, 30),),
        "optimizer": "adamw",
        "learning_rate": 3e-3,
        "weight_decay": 0.05,
        "patience": 10,
    },
    "resnet50-full": {
        "architecture": "resnet50",
        "stages": (Stage(128, 15),),
        "optimizer": "adamw",
        "learning_rate": 5e-4,
        "weight_decay": 0.05,
        "patience": 6,
    },
    **{
        f"{lite}-head": {
            "architecture": lite,
            "stages": (Stage(224, 30),),
            "optimizer": "adamw",
            "learning_rate": 3e-3,
            "weight_decay": 0.05,
            "patience": 10,
        }
        for lite in LITES
    },
    **{
        f"{lite}-full": {
            "architecture": lite,
            "stages": (Stage(160, 14),),
            "optimizer": "adamw",
            "learning_rate": 2e-3,
            "head_rate": 10.0,
            "weight_decay": 0.05,
            "patience": 6,
        }
        for lite in LITES
    },
    "pretrain": {
        "architecture": "resnet50",
        "stages": (Stage(64, 8), Stage(96, 3), Stage(128, 1)),
        "optimizer": "adamw",
        "batch_size": 64,
        "learning_rate": 2e-3,
        "weight_decay": 0.05,
        "patience": 0,
    },
    "distill": {
        "architecture": "resnet50",
        "stages": (Stage(64, 24), Stage(96, 44)),
        "optimizer": "adamw",
        "batch_size": 64,
        "learning_rate": 1e-3,
        "weight_decay": 0.05,
        "label_smoothing": 0.0,
        "patience": 0,
        # The teacher sees mirrored crops as well, so that words on packages do no harm.
        "mirror": True,
        "teacher_size": 128,
        "temperature": 2.0,
    },
}


def config_for(
    mode: str, *, seed: int, augment: bool, precision: Precision, **changes: Any
) -> TrainingConfig:
    """Return the configuration of a mode.

    Args:
        mode: one of `MODES`.
        seed: seed of weights, order and augmentation.
        augment: True changes training photos at random.
        precision: precision of the computation.
        changes: fields that differ from the mode's defaults; None keeps the default.

    Raises:
        WarmlensError: `bad_setting`.
    """
    if mode not in DEFAULTS:
        raise WarmlensError("bad_setting", f'mode is "{mode}"; allowed: {", ".join(MODES)}.')
    values = {"batch_size": 32, "label_smoothing": 0.1, **DEFAULTS[mode]}
    values |= {name: value for name, value in changes.items() if value is not None}
    config = TrainingConfig(mode=mode, seed=seed, augment=augment, precision=precision, **values)
    _check(config)
    return config


def mode_of(architecture: str, only_head: bool) -> str:
    """Return the mode that trains a network, or its last layer alone.

    Raises:
        WarmlensError: `bad_setting`.
    """
    if architecture == "small-cnn":
        if only_head:
            raise WarmlensError(
                "bad_setting", "The small CNN has no weights to start from; leave out --only-head."
            )
        return architecture
    return f"{architecture}-{'head' if only_head else 'full'}"


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Parse stages such as `64:8,96:3,128:1`: side in pixels and epochs of each.

    Raises:
        WarmlensError: `bad_setting`.
    """
    try:
        pairs = [tuple(map(int, part.split(":"))) for part in text.split(",")]
        return tuple(Stage(size, epochs) for size, epochs in pairs)
    except ValueError:
        raise WarmlensError(
            "bad_setting", f'stages is "{text}"; allowed: size:epochs,... such as 64:8,96:3,128:1.'
        ) from None


def stages_text(stages: tuple[Stage, ...]) -> str:
    """Return stages in words, such as `8 epochs at 160 px, 8 epochs at 224 px`."""
    return ", ".join(
        f"{counted(stage.epochs, 'epoch', 'epochs')} at {stage.size} px" for stage in stages
    )


def parse_epochs(text: str) -> dict[str, int]:
    """Parse epochs by mode, such as `resnet50-full:6,small-cnn:20`; the text may be empty.

    Raises:
        WarmlensError: `bad_setting`.
    """
    try:
        pairs = [part.split(":") for part in text.split(",") if part]
        epochs = {mode: int(count) for mode, count in pairs}
    except ValueError:
        epochs = {"": 0}
    if not set(epochs) <= set(CLASSIFIER_MODES) or min(epochs.values(), default=1) < 1:
        raise WarmlensError(
            "bad_setting",
            f'epochs is "{text}"; allowed: mode:epochs,... with the modes '
            f"{', '.join(CLASSIFIER_MODES)}.",
        )
    return epochs


def stages_for(mode: str, size: int | None, epochs: int | None) -> tuple[Stage, ...] | None:
    """Return one stage of `size` pixels and `epochs`, or None where both are the defaults."""
    if size is None and epochs is None:
        return None
    default: Stage = DEFAULTS[mode]["stages"][-1] if mode in DEFAULTS else Stage(64, 1)
    return (
        Stage(default.size if size is None else size, default.epochs if epochs is None else epochs),
    )


def config_from(document: dict[str, Any]) -> TrainingConfig:
    """Return the configuration from a run's record."""
    stages = tuple(Stage(**stage) for stage in document["stages"])
    return TrainingConfig(**{**document, "stages": stages})


def _check(config: TrainingConfig) -> None:
    for stage in config.stages:
        _check_size("size", stage.size)
    if config.teacher_size is not None:
        _check_size("teacher_size", config.teacher_size)
    for name, value, lowest in (
        ("stages", len(config.stages), 1),
        ("epochs", min((stage.epochs for stage in config.stages), default=1), 1),
        ("batch_size", config.batch_size, 2),
        ("patience", config.patience, 0),
        ("seed", config.seed, 0),
    ):
        if value < lowest:
            raise WarmlensError("bad_setting", f"{name} is {value}; allowed: {lowest} or more.")
    for name, number in (
        ("learning_rate", config.learning_rate),
        ("head_rate", config.head_rate),
        ("temperature", config.temperature),
    ):
        if not number > 0:
            raise WarmlensError("bad_setting", f"{name} is {number}; allowed: above 0.")
    for name, text, allowed in (
        ("optimizer", config.optimizer, ("adamw", "sgd")),
        ("precision", config.precision, ("fp32", "bf16", "fp16")),
    ):
        if text not in allowed:
            raise WarmlensError(
                "bad_setting", f'{name} is "{text}"; allowed: {", ".join(allowed)}.'
            )


def _check_size(name: str, size: int) -> None:
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise WarmlensError(
            "bad_setting", f"{name} is {size}; allowed: {MIN_SIZE} to {MAX_SIZE} pixels."
        )
