"""Walk of a folder of photos, as disks have them: system files, links, loops, hidden folders."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from training.findings import Finding, counted
from training.photo_file import FORMATS
from warmlens.errors import WarmlensError

IMAGE_SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
# Files and folders of operating systems, network drives and editors; those with a leading dot are
# left out without a list.
SYSTEM_NAMES = frozenset(
    {
        "__macosx",
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "__pycache__",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
    }
)
_HIDDEN_OF_SYSTEMS = ("._", ".ds_store", ".ipynb_checkpoints", ".trash", ".spotlight", ".fseventsd")
_DEEPEST = 16


@dataclasses.dataclass
class Branch:
    """A folder: its photos, its other files, and the folders in it, each sorted by name."""

    path: Path
    photos: list[Path] = dataclasses.field(default_factory=list)
    others: list[Path] = dataclasses.field(default_factory=list)
    branches: list["Branch"] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """The folder's name as the disk has it."""
        return self.path.name

    def walk(self) -> Iterator["Branch"]:
        """Yield the folder and all folders in it."""
        yield self
        for branch in self.branches:
            yield from branch.walk()

    @property
    def has_photos(self) -> bool:
        """True if there are photos in it, at any depth."""
        return any(branch.photos for branch in self.walk())


def walk_folder(root: Path) -> tuple[Branch, list[Finding]]:
    """Read the tree of a folder, and report what is left out of it and why.

    Raises:
        WarmlensError: `not_a_folder`, `unreadable_folder`.
    """
    if not root.is_dir():
        raise WarmlensError("not_a_folder", f"{root} is not a folder.")
    lost: dict[str, list[str]] = {}
    tree = _branch(root, root, [], lost)
    findings = [
        Finding(code, "warning", f"{counted(len(paths), one, many)} {message}", tuple(paths))
        for code, (one, many, message) in _MESSAGES.items()
        if (paths := lost.get(code))
    ]
    return tree, findings


_MESSAGES = {
    "broken_link": ("link leads", "links lead", "nowhere. Copy the photos in place of links."),
    "link_loop": (
        "link leads",
        "links lead",
        "back to a folder around it, which is not followed. Delete such links.",
    ),
    "hidden_photos": (
        "photo or folder with photos has",
        "photos or folders with photos have",
        "a name with a leading dot and will not be used. Rename what belongs to a class.",
    ),
    "too_deep": (
        "folder is",
        "folders are",
        f"more than {_DEEPEST} folders deep and not used.",
    ),
}


def _branch(
    path: Path, root: Path, above: list[tuple[int, int]], lost: dict[str, list[str]]
) -> Branch:
    branch = Branch(path)
    relative = path.relative_to(root)
    try:
        state = path.stat()
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise WarmlensError(
            "unreadable_folder", f"{path} cannot be read: {error.strerror}; change its rights."
        ) from None
    above = [*above, (state.st_dev, state.st_ino)]

    def lose(code: str, name: str) -> None:
        lost.setdefault(code, []).append((relative / name).as_posix())

    for entry in entries:
        here = path / entry.name
        if entry.name.lower() in SYSTEM_NAMES or entry.name.lower().startswith(_HIDDEN_OF_SYSTEMS):
            continue
        if entry.is_symlink() and not here.exists():
            lose("broken_link", entry.name)
        elif entry.name.startswith("."):
            if _is_photo(here) or (here.is_dir() and any(map(_is_photo, here.rglob("*")))):
                lose("hidden_photos", entry.name)
        elif here.is_dir():
            target = here.stat()
            if (target.st_dev, target.st_ino) in above:
                lose("link_loop", entry.name)
            elif len(above) > _DEEPEST:
                lose("too_deep", entry.name)
            else:
                branch.branches.append(_branch(here, root, above, lost))
        else:
            (branch.photos if _is_photo(here) else branch.others).append(here)
    return branch


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
