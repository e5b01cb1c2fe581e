"""What a setting may be: a check, and the words that tell a person what is allowed."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A check for one value.

    Attributes:
        holds: tells whether a value is allowed.
        allowed: what is allowed, in words, as in "allowed are 1 to 5".
    """

    holds: Callable[[object], bool]
    allowed: str


def whole(low: int, high: int) -> Rule:
    """Whole numbers from `low` to `high`, both included."""

    def holds(value: object) -> bool:
        return type(value) is int and low <= value <= high

    return Rule(holds, f"allowed are whole numbers from {low} to {high}")


def one_of(*values: object) -> Rule:
    """Exactly these values, of exactly these types."""

    def holds(value: object) -> bool:
        return any(type(value) is type(other) and value == other for other in values)

    return Rule(holds, f"allowed are {', '.join(repr(value) for value in values)}")


def text(pattern: str, words: str) -> Rule:
    """Strings that match `pattern` from end to end; `words` say so to a person."""
    compiled = re.compile(pattern, re.ASCII)

    def holds(value: object) -> bool:
        return isinstance(value, str) and compiled.fullmatch(value) is not None

    return Rule(holds, f"allowed is {words}")


def flag() -> Rule:
    """True or False."""
    return one_of(True, False)


def optional(rule: Rule) -> Rule:
    """None, or what `rule` allows."""
    return Rule(lambda value: value is None or rule.holds(value), f"{rule.allowed}, or None")


def each(rule: Rule) -> Rule:
    """A tuple of values that `rule` allows."""

    def holds(value: object) -> bool:
        return isinstance(value, tuple) and all(rule.holds(item) for item in value)

    return Rule(holds, f"for each value of the tuple, {rule.allowed}")
