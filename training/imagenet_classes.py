"""The 1,000 classes of ImageNet (ILSVRC 2012), in the order of a model's outputs."""

import dataclasses
from importlib import metadata
from pathlib import Path

from training.model_packages import import_model_package, import_torchvision
from warmlens.errors import WarmlensError

CLASS_COUNT = 1000
# WordNet gives two pairs of classes the same first name; torchvision's names differ.
RENAMED = {"crane bird": "crane", "maillot tank suit": "maillot"}


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of a model: ids such as `n01440764` and names such as `tench`."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]


def imagenet_classes() -> Classes:
    """Return ids from timm's files and names from torchvision, after comparing the two.

    Raises:
        WarmlensError: `package_missing`, or `classes_differ` when a name is not among the
            WordNet names of its id.
    """
    import_torchvision()
    weights = import_model_package("torchvision.models").ResNet50_Weights.IMAGENET1K_V2
    labels = tuple(weights.meta["categories"])
    ids = tuple(_timm_file("imagenet_synsets.txt").split())
    names = dict(
        line.split("\t") for line in _timm_file("imagenet_synset_to_lemma.txt").splitlines()
    )
    if len(ids) != CLASS_COUNT or list(ids) != sorted(set(ids)):
        raise WarmlensError("classes_differ", "timm's ids are not 1000 different ids in order.")
    for class_id, label in zip(ids, labels, strict=True):
        if RENAMED.get(label, label) not in names[class_id].split(", "):
            raise WarmlensError(
                "classes_differ",
                f'"{label}" is not a name of {class_id}; allowed: {names[class_id]}.',
            )
    return Classes(ids, labels)


def _timm_file(name: str) -> str:
    # Read directly, since importing timm takes seconds.
    path = metadata.distribution("timm").locate_file(f"timm/data/_info/{name}")
    return Path(str(path)).read_text(encoding="utf-8")
