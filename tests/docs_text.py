"""The text of the docs that is typed, not made by a block of cog."""

import re

from warmlens.paths import ROOT

BLOCK = re.compile(r"<!-- \[\[\[cog.*?<!-- \[\[\[end\]\]\] -->", re.DOTALL)


def typed(page: str) -> str:
    """A page's text outside blocks of cog and of code, with line breaks where they were."""
    text = BLOCK.sub(lambda block: "\n" * block[0].count("\n"), (ROOT / page).read_text("utf-8"))
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def without(text: str, passages: list[str]) -> str:
    """The text with the digits of passages masked; each must be there."""
    for passage in passages:
        words = r"\s+".join(map(re.escape, passage.split()))
        text, count = re.subn(words, lambda found: re.sub(r"\d", "x", found[0]), text)
        assert count == 1, f"{passage!r} is there {count} times"
    return text
