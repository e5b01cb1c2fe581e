"""Numbers as people write them: with groups of digits, and a point or a comma before decimals."""

import contextlib
import re
from collections.abc import Iterable, Mapping

_SPACES = re.compile(r"(?<=\d)[ \u00a0\u2007\u2009\u202f'\u2019](?=\d{3}(?!\d))")
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_NAMED = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_SEPARATED = re.compile(r"[+-]?(\d+)([.,])(\d*)([eE].*)?")
_GROUPED = {  # in threes; India, which writes a decimal point, has pairs before the last three
    ".": re.compile(r"[+-]?\d{1,3}(?:(?:,\d{2})*|(?:,\d{3})*),\d{3}(?:\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
}
_OTHER = {".": ",", ",": "."}


def decimal_of(texts: Iterable[str], unless_clear: Mapping[str, str]) -> str:
    """Return the character before decimals, a point or a comma, that all numbers agree on.

    Args:
        texts: the numbers.
        unless_clear: for numbers that may all be read both ways, such as 1.000: the separator in
            them, a point or a comma, and the character before decimals to assume then. A separator
            without an entry is an error.

    Raises:
        ValueError: the numbers do not agree, or may be read both ways; a sentence for people.
    """
    clear: dict[str, str] = {}
    unclear: dict[str, str] = {}
    for text in texts:
        decimal, separator = _decimal(_SPACES.sub("", text.strip()))
        if decimal:
            clear.setdefault(decimal, text.strip())
        elif separator:
            unclear.setdefault(separator, text.strip())
    if not clear:
        for separator, text in unclear.items():
            if separator not in unless_clear:
                whole = text.replace(separator, "")
                short = f"{text.replace(separator, '.')}0"
                raise ValueError(f"{text} may be {whole} or {short}; write it as one of these")
            clear.setdefault(unless_clear[separator], text)
    if len(clear) > 1:
        one, other = clear.values()
        raise ValueError(f"{one} and {other} do not agree on the character before decimals")
    return next(iter(clear), ".")


def parse_number(text: str, decimal: str = ".") -> float:
    """Return a number.

    Args:
        text: the number; groups of its digits may be separated by blanks, apostrophes, or the
            other one of point and comma.
        decimal: the character before decimals.

    Raises:
        ValueError: it is none.
    """
    if decimal == "." and "_" not in text:  # which Python allows
        with contextlib.suppress(ValueError):
            return float(text)
    plain = _SPACES.sub("", text.strip())
    if decimal == ",":
        plain = plain.translate({ord("."): ",", ord(","): "."})
    if _GROUPED[decimal].fullmatch(plain):
        plain = plain.replace(",", "")
    if not _PLAIN.fullmatch(plain) and not _NAMED.fullmatch(plain):
        raise ValueError(f"{text!r} is not a number")
    return float(plain)


def _decimal(text: str) -> tuple[str, str]:
    """Return the decimal character where it is clear, and the separator where it is not."""
    points, commas = text.count("."), text.count(",")
    if points and commas:
        return max(".,", key=text.rfind), ""
    if points > 1 or commas > 1:
        return _OTHER["." if points else ","], ""
    match = _SEPARATED.fullmatch(text)
    if match is None:
        return "", ""
    whole, separator, decimals, exponent = match.groups()
    if exponent or len(decimals) != 3 or len(whole) > 3 or whole.startswith("0"):
        return separator, ""
    return "", separator
