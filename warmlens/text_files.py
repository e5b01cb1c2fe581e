"""Reading of text files that users made: their encodings, byte order marks and line ends."""

import codecs
import io
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from warmlens.errors import WarmlensError

# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_OTHERS = {
    b"PK\x03\x04": "an archive, such as a workbook of Excel or Numbers; save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of an older Excel; save it as CSV",
    **dict.fromkeys(
        (b"\x1f\x8b", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c"),
        "compressed; unpack it first",
    ),
    b"%PDF": "a PDF; save the text",
    b"{\\rtf": "rich text; save it as plain text",
    b"PAR1": "a Parquet file; export it as CSV",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with git lfs pull",
}
_BEGINNING_BYTES = 4096
BYTE_ORDER_MARK = "\ufeff"


@contextmanager
def open_text(path: Path, code: str) -> Iterator[TextIO]:
    """Open a text file to read it: in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    A byte order mark at the beginning is left out. Line ends are left as they are.

    Args:
        path: the file.
        code: code of the errors.

    Raises:
        WarmlensError: the file cannot be read, or is not text in one of these encodings.
    """
    encoding = ""
    try:
        with path.open("rb") as raw:  # once, as a pipe cannot be opened again
            encoding = _encoding(raw.peek(_BEGINNING_BYTES)[:_BEGINNING_BYTES], path, code)
            yield io.TextIOWrapper(raw, encoding=encoding, newline="")
    except UnicodeError:
        why = _place_of_other_text(path, encoding)
        raise WarmlensError(code, f"{why}; save it as UTF-8.") from None
    except OSError as error:
        raise WarmlensError(code, f"{path}: {error.strerror or error}.") from None


def read_text(path: Path, code: str) -> str:
    """Return the text of a file as :func:`open_text` reads it, with line ends as newlines.

    Raises:
        WarmlensError: what `open_text` raises, or there is a byte order mark within the text.
    """
    with open_text(path, code) as file:
        text = file.read().replace("\r\n", "\n").replace("\r", "\n")
    before, mark, _ = text.partition(BYTE_ORDER_MARK)
    if mark:
        raise WarmlensError(
            code,
            f"{path}, line {before.count(chr(10)) + 1} has a byte order mark in it, as files that "
            "were joined have; remove it.",
        )
    return text


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'an object has the key "{twice}" twice')
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


STRICT_JSON = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant)
"""Refuses a key that an object has twice, of which Python keeps the last, and NaN and infinity."""


def _encoding(begin: bytes, path: Path, code: str) -> str:
    for mark, encoding in _MARKS.items():
        if begin.startswith(mark):
            if _is_no_text(codecs.getincrementaldecoder(encoding)("replace").decode(begin)):
                raise WarmlensError(code, f"{path} is not text; save it as UTF-8.")
            return encoding
    for signature, kind in _OTHERS.items():
        if begin.startswith(signature):
            raise WarmlensError(code, f"{path} is not text but {kind}.")
    if b"\0" in begin:
        raise WarmlensError(
            code,
            f"{path} is not text in UTF-8: it has zero bytes, as UTF-16 without a byte order mark "
            "and binary files have; save it as UTF-8.",
        )
    return "utf-8"


def _is_no_text(begin: str) -> bool:
    """Return True for characters that are in no text: a binary file may begin as UTF-16 does."""
    kinds = {unicodedata.category(each) for each in begin if each not in "\t\r\n"}
    return bool(kinds & {"Cc", "Cn", "Co", "Cs"}) or BYTE_ORDER_MARK in begin[1:]


def _place_of_other_text(path: Path, encoding: str) -> str:
    if not encoding.startswith("utf-8"):
        return f"{path} is not text in {encoding.upper()}, which its byte order mark says"
    if not path.is_file():
        return f"{path} is not text in UTF-8"
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                byte = line[error.start]
                return f"{path}, line {number} is not text in UTF-8: it has the byte 0x{byte:02x}"
    return f"{path} is not text in UTF-8"
