"""The characters that no label, name or manifest has, since a reader cannot see them."""

# First and last code points. The classifier has the same list, as it imports nothing from here;
# docs/formats.md says why each is there. Not by category: that of a new emoji depends on Python.
UNPRINTABLE = (
    (0x00, 0x1F),  # control characters (C0)
    (0x7F, 0x9F),  # delete, control characters (C1)
    (0xAD, 0xAD),  # soft hyphen
    (0x200B, 0x200B),  # zero-width blank
    (0x2028, 0x202E),  # ends of lines and paragraphs, embeddings and overrides of direction
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates and other formatting
    (0xD800, 0xF8FF),  # halves of surrogate pairs, private use
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFF9, 0xFFFB),  # annotations
    (0xFFFE, 0xFFFF),  # no characters
    (0xE0000, 0xE007F),  # tags
    (0xF0000, 0x10FFFF),  # private use
)


def is_unprintable(character: str) -> bool:
    """Return True for a character of the list."""
    if character.isprintable():  # none of the list is, in any version of Unicode
        return False
    return any(first <= ord(character) <= last for first, last in UNPRINTABLE)


def first_unprintable(text: str) -> str | None:
    """Return the first character of a text that is on the list as `U+202E`, or None."""
    if text.isprintable():
        return None
    return next((f"U+{ord(each):04X}" for each in text if is_unprintable(each)), None)
