"""Groups of classes, from `groups.json` in a folder of photos."""

import dataclasses
from pathlib import Path

from training.class_names import class_name
from warmlens.errors import WarmlensError
from warmlens.text_files import STRICT_JSON, read_text

GROUPS_FILE = "groups.json"


@dataclasses.dataclass(frozen=True)
class Groups:
    """Of each class, by its number: its coarse class, and whether it is a packaged product."""

    coarse: tuple[str, ...]
    packages: tuple[bool, ...]


def read_groups(root: Path, ids: tuple[str, ...]) -> Groups | None:
    """Read `groups.json`, such as `{"Banana": {"coarse": "Fruit", "package": false}}`.

    Args:
        root: the folder of photos.
        ids: its classes.

    Returns:
        None where the folder has no such file.

    Raises:
        WarmlensError: `bad_groups` when it is no such object, or lacks a class.
    """
    path = root / GROUPS_FILE
    if not path.is_file():
        return None
    try:
        document = STRICT_JSON.decode(read_text(path, "bad_groups"))
        of = {
            class_name(name): (each["coarse"], each["package"]) for name, each in document.items()
        }
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise _bad(path, f"it is not such an object: {error!r}") from None
    for name, (coarse, package) in of.items():
        if not isinstance(coarse, str) or not isinstance(package, bool):
            raise _bad(path, f'"{name}" has another type of coarse or package')
    missing = [each for each in ids if class_name(each) not in of]
    if missing:
        raise _bad(path, f'the class "{missing[0]}" is missing')
    found = [of[class_name(each)] for each in ids]
    return Groups(tuple(coarse for coarse, _ in found), tuple(package for _, package in found))


def _bad(path: Path, fault: str) -> WarmlensError:
    return WarmlensError(
        "bad_groups",
        f"{path}: {fault}. Allowed: an object with each class, such as "
        '{"Banana": {"coarse": "Fruit", "package": false}}; without the file, no groups.',
    )
