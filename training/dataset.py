"""Data sets for training and evaluation: hashed photos with class numbers, by split."""

import concurrent.futures
import dataclasses
import hashlib
from pathlib import Path

from training.class_names import class_name
from training.findings import counted, require_no_errors
from training.folder_layout import find_layout
from training.folder_walk import walk_folder
from training.photo_folder import read_photo_folder
from training.split_lists import read_lists
from warmlens.errors import WarmlensError
from warmlens.registry.verify import sha256_of

MIN_TRAIN_IMAGES = 2
SHOWN_CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Photo:
    """An image file, its class as an index into the class ids, and its SHA-256."""

    path: Path
    target: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set: photos by split; `sha256` covers all photos and classes."""

    root: Path
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    splits: dict[str, tuple[Photo, ...]]
    sha256: str

    @property
    def counts(self) -> dict[str, int]:
        """The number of photos in each split."""
        return {name: len(photos) for name, photos in self.splits.items()}


def read_dataset(root: Path) -> Dataset:
    """Read the photos of a folder as :func:`training.photo_folder.read_photo_folder` does.

    The splits test and hard may be absent.

    Raises:
        WarmlensError: `too_few_classes`, `too_few_images`, `labels_mismatch` when a split has
            a class without training photos, `data_missing` without validation photos, what reading
            the folder raises, or the code of a finding that is an error.
    """
    folder = read_photo_folder(root)
    require_no_errors(root, folder.findings)
    numbers = {class_id: number for number, class_id in enumerate(folder.class_ids)}
    splits = {
        name: hashed_photos([(photo.path, numbers[photo.class_id]) for photo in photos])
        for name, photos in folder.splits.items()
    }
    if folder.layout == "classes":
        _require_photos(root, folder.class_ids, splits)
    _check(root, folder.class_ids, splits)
    digest = hashlib.sha256()
    for name, photos in splits.items():
        for photo in photos:
            digest.update(f"{name}/{folder.class_ids[photo.target]} {photo.sha256}\n".encode())
    labels = tuple(folder.labels[class_id] for class_id in folder.class_ids)
    return Dataset(root, folder.class_ids, labels, splits, digest.hexdigest())


def read_test_photos(root: Path, ids: tuple[str, ...]) -> dict[str, tuple[Photo, ...]]:
    """Read the photos for the evaluation of a model.

    They are the splits `test` and `hard` of a folder, or `all` of its class folders where there are
    no splits. A class without photos is allowed.

    Args:
        root: the folder.
        ids: classes of the model.

    Raises:
        WarmlensError: `not_a_folder`, `no_images`, `labels_mismatch` when a class folder is not
            among `ids`, `listed_photo_missing`, or what reading the folder raises.
    """
    found = read_labelled_photos(root, ids, ("test", "hard", "all"))
    if not found:
        raise WarmlensError(
            "no_images", f"{root} has no photos in test, hard or its class folders."
        )
    return found


def read_labelled_photos(
    root: Path, ids: tuple[str, ...], names: tuple[str, ...], labels: tuple[str, ...] = ()
) -> dict[str, tuple[Photo, ...]]:
    """Read those of the named splits of a folder that have photos, for a model of these classes.

    Args:
        root: the folder.
        ids: classes of the model.
        names: of splits; `all` is that of class folders without splits.
        labels: names that class folders may have instead of their ids.

    Raises:
        WarmlensError: `not_a_folder`, `labels_mismatch`, `listed_photo_missing`, or what reading
            the folder raises.
    """
    tree, _ = walk_folder(root)
    layout = find_layout(root, tree)
    if layout.kind == "lists":
        lists = read_lists(root, layout.lists, tree)
        require_no_errors(root, lists.findings)
        numbered = {
            name: [
                (path, _number((class_id,), root, ids, labels))
                for path, class_id in sorted(lists.photos.get(name, ()))
            ]
            for name in names
        }
    else:
        numbered = {
            name: [
                (path, number)
                for parts, branch in layout.classes.get(name, ())
                for number in [_number(parts, root if name == "all" else root / name, ids, labels)]
                for path in branch.photos
            ]
            for name in names
        }
    return {name: hashed_photos(photos) for name, photos in numbered.items() if photos}


def hashed_photos(found: list[tuple[Path, int]]) -> tuple[Photo, ...]:
    """Return photos with the hashes of their files, from their paths and class numbers."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        digests = threads.map(lambda item: sha256_of(item[0]), found)
        return tuple(
            Photo(path, target, digest)
            for (path, target), digest in zip(found, digests, strict=True)
        )


def _number(
    parts: tuple[str, ...], folder: Path, ids: tuple[str, ...], labels: tuple[str, ...]
) -> int:
    """Return the number of the class that is a folder's path, or else its name."""
    for known in (ids, labels):
        names = [class_name(each) for each in known]
        for name in ("/".join(parts), parts[-1]):
            if names.count(name) == 1:
                return names.index(name)
    raise _mismatch(folder, "/".join(parts), ids)


def _require_photos(root: Path, ids: tuple[str, ...], splits: dict[str, tuple[Photo, ...]]) -> None:
    """Check that the photos of each class are enough to be split."""
    targets = [photo.target for photos in splits.values() for photo in photos]
    for number, class_id in enumerate(ids):
        if (count := targets.count(number)) <= MIN_TRAIN_IMAGES:
            raise WarmlensError(
                "too_few_images",
                f'{root}: the class "{class_id}" has {counted(count, "photo", "photos")}; allowed: '
                f"{MIN_TRAIN_IMAGES + 1} or more, {MIN_TRAIN_IMAGES} to train with and one for "
                "validation.",
            )


def _check(root: Path, ids: tuple[str, ...], splits: dict[str, tuple[Photo, ...]]) -> None:
    trained = [ids[photo.target] for photo in splits["train"]]
    known = tuple(class_id for class_id in ids if class_id in trained)
    if not trained:
        raise WarmlensError("data_missing", f"{root / 'train'} has no photos to train with.")
    for name, photos in splits.items():
        for photo in photos:
            if ids[photo.target] not in known:
                raise _mismatch(root / name, ids[photo.target], known)
    if len(ids) < 2:
        raise WarmlensError(
            "too_few_classes",
            f"{root} has photos of {len(ids)} class; allowed: 2 or more, one folder a class.",
        )
    for class_id in ids:
        if (count := trained.count(class_id)) < MIN_TRAIN_IMAGES:
            raise WarmlensError(
                "too_few_images",
                f'{root}: the class "{class_id}" has {counted(count, "photo", "photos")} to '
                f"train with; allowed: {MIN_TRAIN_IMAGES} or more.",
            )
    if not splits.get("val"):
        raise WarmlensError("data_missing", f"{root / 'val'} has no photos for validation.")


def _mismatch(folder: Path, class_id: str, ids: tuple[str, ...]) -> WarmlensError:
    shown = ", ".join(ids[:SHOWN_CLASSES]) + (", ..." if len(ids) > SHOWN_CLASSES else "")
    return WarmlensError(
        "labels_mismatch",
        f'{folder} has the class "{class_id}", which is not among the {len(ids)} classes of the '
        f"model; allowed: {shown}.",
    )
