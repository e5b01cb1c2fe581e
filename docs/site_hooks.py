"""Turns links to files of the repository outside docs/ into ones that work on the site."""

import os
import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Link such a file in GitHub, or where the repository's address is not known show its path.

    A link to a file that does not exist is left as it is, for MkDocs to complain about.
    """
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
