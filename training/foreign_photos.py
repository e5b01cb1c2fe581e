"""Photos of things that a model does not know.

The folder `other_things` has some for everyone: public-domain photos, a folder for each kind of
thing; `sources.csv` in it names the author, licence and source of each.
"""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from training.folder_walk import walk_folder
from warmlens.errors import WarmlensError
from warmlens.registry.verify import sha256_of

DEFAULT = Path(__file__).parent / "other_things"
LEAST_PHOTOS = 20


@dataclasses.dataclass(frozen=True)
class ForeignPhotos:
    """Photos of other things, in two halves.

    Attributes:
        choosing: photos on which the threshold is chosen.
        judging: other photos, on which it is judged.
        description: for the manifest.
        left_out: photos that may show a class of the model.
    """

    choosing: tuple[Path, ...]
    judging: tuple[Path, ...]
    description: str
    left_out: tuple[Path, ...]


def read_foreign_photos(
    folders: Sequence[Path], leave_out: Sequence[str], classes: Sequence[str]
) -> ForeignPhotos:
    """Read photos of other things and halve them by the SHA-256 of their files.

    Of the project's own photos, those whose folder or file has the name of a class are left out.

    Args:
        folders: folders of photos, with any folders in them; none for the project's own.
        leave_out: names of folders or files, without suffix or number, to leave out.
        classes: ids and labels of the model.

    Raises:
        WarmlensError: `bad_setting` for a name to leave out that no photo has, `too_few_others`,
            or what :func:`training.folder_walk.walk_folder` raises.
    """
    left: set[str] = {name.casefold() for name in leave_out}
    found = {
        photo: _names(photo, folder)
        for folder in folders or (DEFAULT,)
        for branch in walk_folder(folder)[0].walk()
        for photo in branch.photos
    }
    known = {name for names in found.values() for name in names}
    if unknown := sorted(left - known):
        raise WarmlensError(
            "bad_setting",
            f'--leave-out is "{unknown[0]}"; allowed: the name of a folder or photo of the other '
            f"things, such as {', '.join(sorted(known)[:5])}.",
        )
    own = [_words(name) for name in classes] if not folders else []
    omitted = tuple(
        photo
        for photo, names in found.items()
        if names & left or any(_words(name) <= each for name in names for each in own)
    )
    kept = {sha256_of(photo): photo for photo in found if photo not in omitted}
    where = ", ".join(map(str, folders)) or "the project's own folder"
    if len(kept) < LEAST_PHOTOS:
        raise WarmlensError(
            "too_few_others",
            f"There are {len(kept)} different photos of other things in {where}"
            f"{f' besides {len(omitted)} that are left out' if omitted else ''}; allowed: "
            f"{LEAST_PHOTOS} or more. Give a folder of more with --others FOLDER.",
        )
    ordered = [kept[digest] for digest in sorted(kept)]
    kind = f"the folder {', '.join(each.name for each in folders)}" if folders else "other_things"
    return ForeignPhotos(tuple(ordered[::2]), tuple(ordered[1::2]), kind, omitted)


def _names(photo: Path, folder: Path) -> set[str]:
    """Return the names that a photo goes by: those of its folders, and its own without number."""
    inner = photo.relative_to(folder)
    own = inner.stem.rstrip("0123456789").rstrip("-_ ")
    return {name.casefold() for name in (*inner.parts[:-1], own) if name}


def _words(name: str) -> frozenset[str]:
    """Return the words of a name in lower case, the plural like the singular."""
    return frozenset(word.rstrip("s") or word for word in re.findall(r"[^\W_]+", name.casefold()))
