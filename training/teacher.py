"""Teachers: trained networks whose outputs a student learns."""

import dataclasses
from pathlib import Path
from typing import Any

from training.batches import resized
from training.config import LITES, Precision
from training.device import autocast
from training.model_packages import import_model_package
from training.networks import RESNETS, build_network, load_weights, normalization_of
from training.objectives import Objective, teacher_classes, teacher_features
from training.run_folder import RunFolder
from training.weights import IMAGENET, initial_weights
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

TEACHERS = (*RESNETS, *LITES)
IMAGENET_CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A trained network in inference mode.

    Attributes:
        network: from normalised images to its pooled features, or to its logits.
        architecture: its architecture.
        ids: its classes; without any, it teaches its features.
        labels: the readable names of the classes.
        outputs: the number of its features or classes.
        provenance: kind, description and sha256 of its weights, for the run's record.
    """

    network: Any
    architecture: str
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    outputs: int
    provenance: dict[str, Any]


def read_teacher(source: str) -> Teacher:
    """Return a teacher.

    Args:
        source: an architecture, which teaches the features of its ImageNet weights, or the folder
            of a run, which teaches its classes.

    Raises:
        WarmlensError: `unknown_teacher`, `run_unfinished`, or what reading a run or ImageNet
            weights raises.
    """
    if source in TEACHERS:
        start = initial_weights(IMAGENET, source)
        network = build_network(source, IMAGENET_CLASSES)
        load_weights(network, start.tensors or {}, new_head=False, where=source)
        features = network.fc.in_features
        network.fc = torch.nn.Identity()
        return Teacher(_ready(network), source, (), (), features, start.provenance)
    if not Path(source).is_dir():
        raise WarmlensError(
            "unknown_teacher",
            f'The teacher "{source}" is neither the folder of a run nor a network with ImageNet '
            f"weights; allowed: {', '.join(TEACHERS)}.",
        )
    record = RunFolder(Path(source)).read()
    if not record.ids:
        raise WarmlensError(
            "unknown_teacher",
            f"The run in {source} has no classes to teach: it learned features. Give a run of "
            "warmlens model train.",
        )
    architecture = record.config.architecture
    start = initial_weights(source, architecture)
    network = build_network(architecture, len(record.ids))
    load_weights(network, start.tensors or {}, new_head=False, where=source)
    return Teacher(
        _ready(network), architecture, record.ids, record.labels, len(record.ids), start.provenance
    )


def objective_of(
    teacher: Teacher, *, device: Any, precision: Precision, size: int | None, temperature: float
) -> Objective:
    """Return the objective of a student.

    Args:
        teacher: the teacher.
        device: device of the student.
        precision: precision of the teacher's computation.
        size: side in pixels of the images that the teacher sees; None is that of the crops.
        temperature: temperature of the classes.
    """
    network = teacher.network.to(device, memory_format=torch.channels_last)
    mean, std = (
        torch.tensor(values, device=device).view(1, 3, 1, 1)
        for values in normalization_of(teacher.architecture)
    )

    def teach(images: Any) -> Any:
        # Not inference_mode: the student's backward pass uses these outputs.
        with torch.no_grad(), autocast(device, precision):
            images = images.to(device, torch.float32)
            normal = (resized(images, size or images.shape[-1]) - mean) / std
            return network(normal.contiguous(memory_format=torch.channels_last)).float()

    return teacher_classes(teach, temperature) if teacher.ids else teacher_features(teach)


def _ready(network: Any) -> Any:
    return network.eval().requires_grad_(False)
