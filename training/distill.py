"""Pretraining with a teacher: a student learns the teacher's outputs for the same crops.

Both see the same random crops, over many epochs: "a good teacher is patient and consistent"
(Beyer et al. 2022, arXiv 2106.05237). Classes of the photos are not used.
"""

from pathlib import Path

from training.device import pick_device
from training.history import Epoch
from training.teacher import objective_of, read_teacher
from training.train import RunRequest, initial_network, run_record, train_network, use_threads
from training.unlabelled import read_unlabelled
from training.weights import initial_weights


def distill(request: RunRequest, data: tuple[Path, ...], teacher: str) -> list[Epoch]:
    """Train a student, or continue the request's run.

    Args:
        request: the parameters of the run.
        data: folders of photos.
        teacher: an architecture with ImageNet weights, whose features the student learns, or the
            folder of a run, whose classes it learns.

    Returns:
        The measurements of every epoch, including those before an interruption.

    Raises:
        WarmlensError: invalid data, teacher, configuration, weights or checkpoint; only decoded
            photos are written then.
    """
    use_threads(request.threads)
    config = request.config
    taught_by = read_teacher(teacher)
    photos = read_unlabelled(data)
    start = initial_weights(request.pretrained, config.architecture)
    network = initial_network(config, taught_by.outputs, start, keep_head=False)
    request.on_start(photos)
    device = pick_device()
    objective = objective_of(
        taught_by,
        device=device,
        precision=config.precision,
        size=config.teacher_size,
        temperature=config.temperature,
    )
    record = run_record(
        request,
        photos,
        start,
        classes=(taught_by.ids, taught_by.labels),
        teacher=taught_by.provenance,
    )
    return train_network(request, photos, network, objective, record, device)
