"""MkDocs hook: links to files of the repository outside docs/, search, and the first page."""

import os
import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_FOR_FEW = ("decisions/", "lab/")
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Link files outside docs/ on GitHub, or show their paths if its address is not known.

    A link to a missing file is left unchanged, so that MkDocs reports it. Search shows decisions
    and the laboratory after the pages for users, and the first page has no table of contents.

    Args:
        markdown: text of the page.
        page: MkDocs' page.
    """
    if page.file.src_uri.startswith(_FOR_FEW):
        page.meta["search"] = {"boost": 0.1}
    if page.file.src_uri == "index.md":
        page.meta["hide"] = ["toc"]  # so that its questions fit into one screen
    here = (_ROOT / "docs" / page.file.src_uri).parent

    def replace(match: re.Match[str]) -> str:
        words, target = match[1], match[2]
        path = (here / target).resolve()
        if "://" in target or path.is_relative_to(_ROOT / "docs") or not path.exists():
            return match[0]
        name = path.relative_to(_ROOT).as_posix()
        repository = os.environ.get("GITHUB_REPOSITORY")
        if repository:
            return f"[{words}](https://github.com/{repository}/blob/main/{name})"
        return words if words.strip("`") == name else f"{words} (`{name}`)"

    return _LINK.sub(replace, markdown)
