"""Files of labels as people have them: read rightly, or refused by what they look like."""

import os
from pathlib import Path

import pytest

from training.label_files import read_labels_file
from warmlens.errors import WarmlensError

NAMES = ("cat", "dog", "bird")
NUMBERS = ("0000", "0001", "0002")
PLAIN = "cat\ndog\nbird\n"
WITH_IDS = "n01\tcat\nn02\tdog\nn03\tbird\n"
WORDNET = ("n02123045", "n02084071", "n01503061")

READ: dict[str, tuple[bytes, tuple[str, ...], tuple[str, ...]]] = {
    "plain": (PLAIN.encode(), NUMBERS, NAMES),
    "a byte order mark": (PLAIN.encode("utf-8-sig"), NUMBERS, NAMES),
    "a byte order mark before ids": (WITH_IDS.encode("utf-8-sig"), ("n01", "n02", "n03"), NAMES),
    "UTF-16 of Windows": (PLAIN.encode("utf-16"), NUMBERS, NAMES),
    "line ends of Windows": (PLAIN.replace("\n", "\r\n").encode(), NUMBERS, NAMES),
    "line ends of old Macs": (PLAIN.replace("\n", "\r").encode(), NUMBERS, NAMES),
    "blank lines at the end": (f"{PLAIN}\r\n \n\n".encode(), NUMBERS, NAMES),
    "no line end": (PLAIN.rstrip().encode(), NUMBERS, NAMES),
    "blanks around": (b" cat \ndog  \n bird\n", NUMBERS, NAMES),
    "numbers as ids": (b"0\tcat\n1\tdog\n2\tbird\n", ("0", "1", "2"), NAMES),
    "WordNet lines": (
        "".join(f"{i} {n}, a {n}\n" for i, n in zip(WORDNET, NAMES, strict=True)).encode(),
        WORDNET,
        tuple(f"{name}, a {name}" for name in NAMES),
    ),
    "blanks of other kinds around": (
        "cat\u00a0\n\u3000dog\nbird\u200b\n".encode(),
        NUMBERS,
        NAMES,
    ),
    "names with years": (b"Audi A4 2011\nBMW M3 2012\nFiat 500 2013\n", NUMBERS, ()),
    "digits alone": (b"0\n1\n2\n", NUMBERS, ("0", "1", "2")),
    "names with numbers": (b"7 Up\n4711 Cologne\nFanta 2\n", NUMBERS, ()),
    "names that count": (b"1 Euro\n2 Euro\n3 Euro\n", NUMBERS, ()),
    "names that count at the end": (b"Type 0\nType 1\nType 2\n", NUMBERS, ()),
    "names with sizes": (b"0.5 l water\n1.5 l milk\n2.0 l beer\n", NUMBERS, ()),
    "names with sizes in ml": (b"330 ml can\n500 ml bottle\n750 ml wine\n", NUMBERS, ()),
    "names with commas": (b"tench, a fish\nhen, a bird\ncat, a pet\n", NUMBERS, ()),
    "names with commas after ids": (b"a\tred,big\nb\tred,small\n", ("a", "b"), ()),
    "names in brackets": (b"[cat]\n[dog]\n{bird}\n", NUMBERS, ()),
    "any script": ("\u732b\n\u0643\u0644\u0628\nptak \U0001f426\n".encode(), NUMBERS, ()),
    "joiners": (
        "\u0646\u0645\u06cc\u200c\u0634\ncat\n\U0001f441\u200d\U0001f5e8\n".encode(),
        NUMBERS,
        (),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_labels_are_read(tmp_path: Path, name: str) -> None:
    content, ids, labels = READ[name]
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    classes = read_labels_file(file)
    assert classes.ids == ids
    own = tuple(line.rpartition("\t")[2] for line in content.decode("utf-8", "replace").split("\n"))
    assert classes.labels == (labels or own[:-1])


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "a JSON list": ('["cat", "dog", "bird"]', "looks like JSON"),
    "a JSON list in lines": ('[\n  "cat",\n  "dog",\n  "bird"\n]\n', "looks like JSON"),
    "a JSON object": ('{"0": "cat", "1": "dog", "2": "bird"}', "looks like JSON"),
    "JSON Lines": ('{"id": 0}\n{"id": 1}\n{"id": 2}\n', "looks like JSON"),
    "Python's dict": ("{0: 'cat',\n 1: 'dog',\n 2: 'bird'}\n", "looks like JSON"),
    "Python's list": ("['cat', 'dog', 'bird']", "looks like JSON"),
    "a label map": ('item {\n  id: 1\n  name: "cat"\n}\n', "looks like JSON"),
    "a label map of one line an item": (
        "item { id: 1 name: 'cat' }\nitem{name:'dog' id:2}\n",
        "a label map",
    ),
    "a program": ("CLASSES = [\n  'cat',\n  'dog',\n]\n", "looks like JSON"),
    "a web page": ("<!DOCTYPE html>\n<html>\n<body>\n", "looks like HTML"),
    "XML": ("<class>cat</class>\n<class>dog</class>\n", "looks like HTML or XML"),
    "YAML with a blank line": ("path: data\n\nnames:\n  0: cat\n", "looks like YAML"),
    "YAML in one line": ("nc: 2\nnames: ['cat', 'dog']\n", "looks like YAML"),
    "bullets": ("\u2022 cat\n\u2022 dog\n", "a list with bullets"),
    "asterisks": ("* cat\n* dog\n", "a list with bullets"),
    "typographic quotes": ("\u201ccat\u201d\n\u201cdog\u201d\n", "every line in quotes"),
    "quoted CSV": ('"0","tench, a fish"\n"1","hen, a bird"\n', "a number before each name"),
    "[0] cat": ("[0] cat\n[1] dog\n", "a number before each name"),
    "(0) cat": ("(0) cat\n(1) dog\n", "a number before each name"),
    "#0 cat": ("#0 cat\n#1 dog\n", "a number before each name"),
    "cat (0)": ("cat (0)\ndog (1)\n", "a number after each name"),
    "numbers after WordNet ids": (
        "n02123045 1 cat\nn02084071 2 dog\n",
        "a number between each id and its name",
    ),
    "a header before tabs": ("id\tname\n0\tcat\n1\tdog\n", "the names of columns"),
    "a line separator": ("cat\u2028dog\n", "line 1 is"),
    "a pointer": ("version https://git-lfs.github.com/spec/v1\nsize 9\n", "git lfs pull"),
    "YAML": ("names:\n  0: cat\n  1: dog\n", "looks like YAML"),
    "a YAML list": ("- cat\n- dog\n- bird\n", "looks like YAML"),
    "commas": ("cat,\ndog,\nbird\n", "same mark at the end of every line"),
    "folders": ("cat/\ndog/\nbird/\n", "same mark at the end of every line"),
    "one line": ("cat,dog,bird\n", "looks like CSV"),
    "numbers with gaps": ("1: cat\n3: dog\n17: bird\n", "a number before each name"),
    "long numbers": ("00012 cat\n00300 dog\n00417 bird\n", "a number before each name"),
    "cat 0": ("cat 0\ndog 1\nbird 2\n", "a number after each name"),
    "0 - cat": ("0 - cat\n1 - dog\n2 - bird\n", "a number before each name"),
    "quotes": ('"cat"\n"dog"\n"bird"\n', "every line in quotes"),
    "0: cat": ("0: cat\n1: dog\n2: bird\n", "a number before each name"),
    "1. cat": ("1. cat\n2. dog\n3. bird\n", "a number before each name"),
    "0 cat": ("0 cat\n1 dog\n2 bird\n", "a number before each name"),
    "1) cat": ("1) cat\n2) dog\n3) bird\n", "a number before each name"),
    "0,cat": ("0,cat\n1,dog\n2,bird\n", "a number before each name"),
    "sorted as text": (
        "".join(f"{n} c{n}\n" for n in sorted(map(str, range(12)))),
        "a number before",
    ),
    "cat: 0": ("cat: 0\ndog: 1\nbird: 2\n", "a number after each name"),
    "cat,0": ("cat,0\ndog,1\nbird,2\n", "a number after each name"),
    "CSV with a header": ("id,label\n0,cat\n1,dog\n", "looks like CSV"),
    "CSV": ("a,cat\nb,dog\nc,bird\n", "looks like CSV"),
    "CSV with semicolons": ("a;cat\nb;dog\nc;bird\n", "looks like CSV"),
    "two tabs": ("0\tn01\tcat\n1\tn02\tdog\n", "line 1 is"),
    "a line without an id": ("a\tcat\ndog\nc\tbird\n", "line 2 is 'dog'"),
    "ids after names": ("cat\t0\ndog\t1\nbird\t2\n", "name before the tab"),
    "ids in another order": ("1\tcat\n0\tdog\n2\tbird\n", "not in order"),
    "a line without a WordNet id": ("n02123045 cat\ndog\n", "line 2 is 'dog'"),
    "an id twice": ("a\tcat\na\tdog\n", 'the id "a" twice'),
    "a blank line": ("cat\n\nbird\n", "line 2 is ''"),
    "an escape": ("cat\n\x1b[2Jdog\n", "line 2 is"),
    "a reversed direction": ("cat\n\u202egod\n", "U+202E, which cannot be seen; remove it"),
    "a zero-width blank within": ("cat\nd\u200bog\n", "line 2 is 'd\\u200bog'; it has the"),
    "a byte order mark within": ("cat\n\ufeffdog\n", "line 2 has a byte order mark"),
    "Latin-1": ("chat\nch\xeavre\n".encode("latin-1"), "line 2 is not text in UTF-8"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "zero bytes"),
    "nothing": ("", "is empty; give a class per line"),
    "nothing but blanks": (" \r\n\u3000\r\n", "is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_labels_of_another_kind_are_refused_by_name(tmp_path: Path, name: str) -> None:
    content, words = REFUSED[name]
    file = tmp_path / "labels.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(WarmlensError) as refused:
        read_labels_file(file)
    assert refused.value.code == "bad_labels"
    assert words in refused.value.message


def test_labels_are_read_from_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, PLAIN.encode("utf-8-sig"))
    os.close(writer)
    with os.fdopen(reader):
        assert read_labels_file(Path(f"/dev/fd/{reader}")).labels == NAMES
