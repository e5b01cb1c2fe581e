"""Names of classes, from the names of folders: one form for all, and findings about odd ones."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from training.findings import Finding, counted
from warmlens.characters import first_unprintable

# Google Drive, browsers, Windows and macOS name copies of a folder so.
_COPY = re.compile(r"(.+?)(?: ?\(\d+\)| - copy(?: \(\d+\))?| copy(?: \d+)?)", re.IGNORECASE)


def class_name(name: str) -> str:
    """Return the name of a class for that of a folder: macOS decomposes letters with accents."""
    return unicodedata.normalize("NFC", name)


def name_findings(
    class_ids: Sequence[str], labels: Mapping[str, str], unused_labels: Sequence[str]
) -> Iterator[Finding]:
    """Yield findings about the names of classes.

    Args:
        class_ids: ids of the classes.
        labels: the readable name of each class.
        unused_labels: names in dataset.json that no class has.
    """
    if unused_labels:
        yield Finding(
            "label_unused",
            "warning",
            f"{len(unused_labels)} labels in dataset.json are of classes that no folder has; they "
            "are not used.",
            tuple(unused_labels),
        )
    names = {class_id: (class_id, labels[class_id]) for class_id in class_ids}
    foreign = [each for each, both in names.items() if any(map(_is_not_utf8, both))]
    if foreign:
        yield Finding(
            "class_name_not_utf8",
            "error",
            f"{len(foreign)} class names are not UTF-8, as of disks and archives from another "
            "system; rename the folders, for example with `convmv -f latin1 -t utf8`.",
            tuple(map(_escaped, foreign)),
        )
    odd = [
        each
        for each, both in names.items()
        if each not in foreign and any(map(first_unprintable, both))
    ]
    if odd:
        yield Finding(
            "class_name_not_printable",
            "error",
            f"{len(odd)} class names have characters that cannot be seen, such as line ends or "
            "zero-width blanks; rename the folders.",
            tuple(map(_escaped, odd)),
        )
    spaced = tuple(name for name in class_ids if name != name.strip())
    if spaced:
        message = (
            f"{counted(len(spaced), 'class name begins or ends', 'class names begin or end')} "
            "with a blank."
        )
        yield Finding("odd_class_name", "warning", message, spaced)
    copies = tuple(each for each in class_ids if (m := _COPY.fullmatch(each)) and m[1] in names)
    if copies:
        yield Finding(
            "copied_class",
            "warning",
            f"{counted(len(copies), 'class has', 'classes have')} the name of another with a "
            "number or `copy` behind it, as downloads and copies of a folder have; move the photos "
            "into that one if it is the same class.",
            copies,
        )
    groups: dict[str, list[str]] = defaultdict(list)
    for class_id in class_ids:
        alike = unicodedata.normalize("NFKC", labels[class_id]).strip().casefold()
        groups[alike].append(class_id)
    same = tuple(name for group in groups.values() if len(group) > 1 for name in group)
    if same:
        yield Finding(
            "same_class_name",
            "error",
            f"{len(same)} classes have the same name except for upper case and blanks; move the "
            "photos of one class into one folder.",
            same,
        )


def _is_not_utf8(name: str) -> bool:
    return any(unicodedata.category(each) == "Cs" for each in name)


def _escaped(name: str) -> str:
    raw = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return ascii(raw)[1:-1] if first_unprintable(raw) else raw
