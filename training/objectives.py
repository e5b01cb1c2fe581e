"""Objectives of training: the classes of labelled photos, or the outputs of a teacher."""

import dataclasses
from collections.abc import Callable
from typing import Any

from training.model_packages import import_model_package

torch: Any = import_model_package("torch")
functional: Any = torch.nn.functional

Teach = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Objective:
    """An objective of training.

    Attributes:
        measure: the measure of validation, one of :data:`training.history.MEASURES`.
        targets: returns the targets of a batch from its uint8 images and its classes.
        loss: returns the mean loss of float32 outputs and targets.
        validation: returns the sums of the measure and of the loss over outputs and targets.
    """

    measure: str
    targets: Callable[[Any, Any], Any]
    loss: Callable[[Any, Any], Any]
    validation: Callable[[Any, Any], tuple[float, float]]


def labels(smoothing: float) -> Objective:
    """Return the objective of labelled photos: cross-entropy, with label smoothing in training."""

    def loss(logits: Any, classes: Any) -> Any:
        return functional.cross_entropy(logits, classes, label_smoothing=smoothing)

    def validation(logits: Any, classes: Any) -> tuple[float, float]:
        hits = (logits.argmax(1) == classes).sum()
        return float(hits), float(functional.cross_entropy(logits, classes, reduction="sum"))

    return Objective("top1", lambda images, classes: classes, loss, validation)


def teacher_features(teach: Teach) -> Objective:
    """Return the objective of a teacher's features: the cosine of the angle between them.

    The student's last layer is the linear map from its features to the teacher's.

    Args:
        teach: returns the teacher's float32 features for uint8 images.
    """

    def loss(features: Any, targets: Any) -> Any:
        return 1 - functional.cosine_similarity(features, targets).mean()

    def validation(features: Any, targets: Any) -> tuple[float, float]:
        cosine = float(functional.cosine_similarity(features, targets).sum())
        return cosine, len(targets) - cosine

    return Objective("cosine", lambda images, classes: teach(images), loss, validation)


def teacher_classes(teach: Teach, temperature: float) -> Objective:
    """Return the objective of a teacher's probabilities: KL divergence at a temperature.

    The loss is multiplied by the squared temperature, so that its gradients keep their size
    (Hinton et al. 2015, arXiv 1503.02531).

    Args:
        teach: returns the teacher's float32 logits for uint8 images.
        temperature: divides the logits of teacher and student.
    """

    def divergence(logits: Any, targets: Any) -> Any:
        ours, theirs = ((each / temperature).log_softmax(1) for each in (logits, targets))
        total = functional.kl_div(ours, theirs, reduction="sum", log_target=True)
        return temperature**2 * total

    def loss(logits: Any, targets: Any) -> Any:
        return divergence(logits, targets) / len(targets)

    def validation(logits: Any, targets: Any) -> tuple[float, float]:
        same = (logits.argmax(1) == targets.argmax(1)).sum()
        return float(same), float(divergence(logits, targets))

    return Objective("agreement", lambda images, classes: teach(images), loss, validation)
