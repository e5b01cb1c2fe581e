"""Blocks of a page that commands make anew, between two marks."""


class PageError(Exception):
    """The page has no place for a block; the message says what it needs."""


def with_block(page: str, mark: str, text: str) -> str:
    """Return the page with a block replaced.

    Args:
        page: the page.
        mark: the command that makes the block, as the marks name it.
        text: what comes between the marks.

    Raises:
        PageError: the marks are not there.
    """
    begin, end = f"<!-- made by: {mark} -->\n", "<!-- end -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise PageError(f"the page needs the lines {begin.strip()} and {end}, where it goes")
    return f"{before}{begin}{text}{closed}{after}"
