"""The generated blocks of the docs are current."""

import pytest
from cogapp import Cog

from lab import docs_blocks
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT

PAGES = [
    page
    for page in sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
    # The planning page runs commands and has a test of its own.
    if "[[[cog" in page.read_text() and page.name != "planning.md"
]


def test_pages_have_blocks() -> None:
    assert {page.name for page in PAGES} == {
        *("README.md", "batch.md", "choices.md", "comparison.md", "cost-ceiling.md", "costs.md"),
        *("deploy.md", "how-it-works.md", "index.md", "limits.md", "local-cloud.md", "models.md"),
        *("performance.md", "privacy.md", "reliability.md", "scale.md", "settings.md"),
        "warming.md",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_cog_writes(page: str) -> None:
    Cog().callable_main(["cog", "--check", "--diff", str(page)])


def test_a_command_that_fails_stops_the_page() -> None:
    with pytest.raises(WarmlensError, match="--traffic"):
        docs_blocks.terminal("plan --traffic nowhere.csv")
