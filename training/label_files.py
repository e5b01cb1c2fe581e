"""Files of class labels, one class per line, in the order of a model's outputs."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from training.imagenet_classes import Classes
from warmlens.characters import first_unprintable
from warmlens.errors import WarmlensError
from warmlens.text_files import read_text

_FORM = "give a class per line: a name, or an id, a tab and a name"
_WORDNET = re.compile(r"(n\d{8})[ ,:;]+(\S.*)")
_NUMBER_FIRST = re.compile(
    r"[\"'#(\[]?(?P<number>\d+)[\"']?(?:\s*(?P<mark>[:.)\]=,;])(?!\d)\s*|\s+(?:-\s+)?)(?P<name>\S.*)"
)
_NUMBER_LAST = re.compile(
    r"(?P<name>.*\S)(?:\s*(?P<mark>[:=,;])\s*|\s+(?:-\s+)?)[\"'(\[]?(?P<number>\d+)[\"')\]]?,?"
)
_ITEM = re.compile(r"\w+\s*\{.*:.*\}")  # as in TensorFlow's label maps
_ID_DIGITS = 4  # that names rarely begin with
_YEARS = range(1900, 2100)  # as of cars
_BULLETS = ("- ", "* ", "+ ", "\u2022 ", "\u2013 ")
_QUOTES = ('""', "''", "\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "\u00ab\u00bb", "``")
_BLANKS = " \u00a0\u2007\u202f\u3000\u200b\u2060"
_COLUMNS = {"id", "index", "idx", "label", "name", "class", "synset", "wnid"}
_COLUMNS |= {"class_id", "class_index", "class_name", "label_id", "label_name"}
Lines = Sequence[str]


def read_labels_file(path: Path) -> Classes:
    """Read a file with one class per line, in the order of the model's outputs.

    A line is a name; an id, a tab and a name; or a WordNet id such as n01440764, a blank and a
    name. Without an id, the number of the output in four digits is the id.

    Raises:
        WarmlensError: `bad_labels`: the file is not text, a line is none of these, lines have
            different forms, an id is there twice, or the file is of another kind, such as JSON,
            CSV or numbered lines, which would become part of the names.
    """
    lines = [line.strip(_BLANKS) for line in read_text(path, "bad_labels").rstrip().split("\n")]
    for number, line in enumerate(lines, start=1):
        if character := first_unprintable(line.replace("\t", "")):
            why = f"it has the character {character}, which cannot be seen; remove it"
            raise _bad_line(path, number, line, why)
    if not any(lines):
        raise _bad_file(path, "is empty", _FORM)
    tabs = [line.count("\t") for line in lines]
    if not any(tabs):
        _refuse_other_kinds(path, [line for line in lines if line])
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise _bad_line(path, number, line, "remove it if it is no class")
    pairs = _with_ids(path, lines, tabs) if any(tabs) else _without_ids(path, lines)
    ids = [class_id for class_id, _ in pairs]
    if len(set(ids)) != len(ids):
        twice = next(class_id for class_id in ids if ids.count(class_id) > 1)
        raise WarmlensError("bad_labels", f'{path} has the id "{twice}" twice.')
    return Classes(tuple(ids), tuple(label for _, label in pairs))


def _with_ids(path: Path, lines: Lines, tabs: Sequence[int]) -> list[tuple[str, str]]:
    pairs = []
    for number, (line, count) in enumerate(zip(lines, tabs, strict=True), start=1):
        class_id, _, label = (part.strip() for part in line.partition("\t"))
        if count != 1 or not class_id or not label:
            raise _bad_line(path, number, line, "other lines are an id, a tab and a name")
        pairs.append((class_id, label))
    ids, labels = zip(*pairs, strict=True)
    if {each.casefold() for each in pairs[0]} <= _COLUMNS:
        raise _bad_file(path, "begins with the names of columns", "remove that line")
    if _counts(labels) and not _counts(ids):
        raise _bad_file(path, "has the name before the tab and a number after it", "swap them")
    if _counts(ids) and list(map(int, ids)) != sorted(map(int, ids)):
        mend = "sort the lines by them, or give other ids if this is the order of the outputs"
        raise _bad_file(path, "has numbers as ids that are not in order", mend)
    return pairs


def _without_ids(path: Path, lines: Lines) -> list[tuple[str, str]]:
    known = [_WORDNET.fullmatch(line) for line in lines]
    if all(known):
        return [(match[1], match[2]) for match in known if match]
    if any(known):
        number = known.index(None) + 1
        raise _bad_line(path, number, lines[number - 1], "other lines begin with a WordNet id")
    return [(f"{number:04}", line) for number, line in enumerate(lines)]


def _refuse_other_kinds(path: Path, lines: Lines) -> None:
    names = [match[2] for line in lines if (match := _WORDNET.fullmatch(line))]
    if names and _begins_with_numbers(names):
        raise _bad_file(path, "has a number between each id and its name", "remove the numbers")
    if names:
        return
    for looks_so, found, mend in _KINDS:
        if looks_so(lines):
            raise _bad_file(path, found, mend)


def _is_markup(lines: Lines) -> bool:
    return lines[0].casefold().startswith(("<!doctype", "<html", "<?xml")) or all(
        line[0] == "<" and line[-1] == ">" and "</" in line for line in lines
    )


def _is_json(lines: Lines) -> bool:
    """Return True for JSON, JSON Lines, lists and dicts of Python, and messages in braces."""
    first, last = lines[0], lines[-1]
    opened = first[0] in "[{" and (len(lines) == 1 or first[-1] not in "]}")
    return (
        (opened and last[-1] in "]}")
        or not {"}", "]", "};", "];"}.isdisjoint(lines)
        or all(map(_ITEM.fullmatch, lines))
        or _is_container("\n".join(lines))
        or all(map(_is_container, lines))
    )


def _is_container(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False


def _is_yaml(lines: Lines) -> bool:
    named = any(line.startswith(("names:", "classes:", "labels:", "---")) for line in lines)
    return named or all(line.startswith(_BULLETS) for line in lines)


def _ends_alike(lines: Lines) -> bool:
    marks = {line[-1] for line in lines[:-1]}
    return len(marks) == 1 and marks <= set(",;/|")


def _is_quoted(lines: Lines) -> bool:
    return all(
        len(line) > 1 and line[0] + line[-1] in _QUOTES and line[0] not in line[1:-1]
        for line in lines
    )


def _begins_with_numbers(lines: Lines) -> bool:
    return _numbered(lines, _NUMBER_FIRST)


def _ends_with_numbers(lines: Lines) -> bool:
    return _numbered(lines, _NUMBER_LAST)


def _is_csv(lines: Lines) -> bool:
    for delimiter in ",;|":
        columns = {part.strip(" \"'").casefold() for part in lines[0].split(delimiter)}
        if len(columns) > 1 and columns <= _COLUMNS:
            return True
        # A name may have commas: a blank follows them.
        joined = {len(re.findall(rf"[{delimiter}](?! )", line)) for line in lines}
        if len(joined) == 1 and joined != {0}:
            return True
    return False


_KINDS: tuple[tuple[Callable[[Lines], bool], str, str], ...] = (
    (_is_json, "looks like JSON, a label map or a list of a program", _FORM),
    (_is_markup, "looks like HTML or XML", _FORM),
    (_is_yaml, "looks like YAML or a list with bullets", _FORM),
    (_ends_alike, "has the same mark at the end of every line", "remove them"),
    (_is_quoted, "has every line in quotes", "remove them"),
    (
        _begins_with_numbers,
        "has a number before each name, which would become part of it",
        "remove the numbers, or separate them from the names by tabs, which makes them the ids",
    ),
    (
        _ends_with_numbers,
        "has a number after each name, which would become part of it",
        "sort the lines by the numbers, and remove them",
    ),
    (_is_csv, "looks like CSV", f"{_FORM}; or put an id and a tab before names that have commas"),
)
"""Other kinds of files: how they look, what was found, and what to do."""


def _numbered(lines: Lines, form: re.Pattern[str]) -> bool:
    """Return True for numbers beside names that are different without them, unlike 1 l and 2 l."""
    matches = [match for line in lines if (match := form.fullmatch(line))]
    numbers = [match["number"] for match in matches]
    if not len(lines) == len(matches) == len({match["name"] for match in matches}) > 1:
        return False
    if len(set(numbers)) != len(numbers):
        return False
    widths = {len(number) for number in numbers}
    return (
        _counts(numbers)
        or all(match["mark"] for match in matches)
        or (
            len(widths) == 1
            and min(widths) >= _ID_DIGITS
            and not all(int(number) in _YEARS for number in numbers)
        )
    )


def _counts(texts: Sequence[str]) -> bool:
    """Return True for the numbers from 0 or from 1 on, in any order."""
    if not all(text.isdecimal() for text in texts):
        return False
    numbers = sorted(map(int, texts))
    return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1)


def _bad_line(path: Path, number: int, line: str, why: str) -> WarmlensError:
    return WarmlensError("bad_labels", f"{path}, line {number} is {line!r}; {why}; {_FORM}.")


def _bad_file(path: Path, found: str, mend: str) -> WarmlensError:
    return WarmlensError("bad_labels", f"{path} {found}; {mend}.")
