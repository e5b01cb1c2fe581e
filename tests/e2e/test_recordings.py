"""The recording of the terminal in a browser: it moves unless reduced motion is preferred."""

from typing import Literal

import pytest
from playwright.sync_api import Browser

from lab.pictures import recording
from warmlens.paths import ROOT

TERMINAL = ROOT / "docs" / "pictures" / recording.TERMINAL
SHOWN = """() => [...document.querySelectorAll("text")]
  .filter((text) => text.checkVisibility({ opacityProperty: true, checkOpacity: true }))
  .map((text) => text.textContent.replaceAll("\u00a0", " "))"""
GO_TO = """(share) => document.getAnimations().map((each) => {
  each.pause();
  each.currentTime = share * each.effect.getTiming().duration;
}).length"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_terminal_moves_unless_reduced_motion_is_preferred(
    browser: Browser, motion: Literal["no-preference", "reduce"]
) -> None:
    page = browser.new_page(reduced_motion=motion)
    page.goto(TERMINAL.as_uri())
    moving = page.evaluate(GO_TO, 0)
    shown = page.evaluate(SHOWN)
    end = f"$ {recording.COMMANDS[-1]}"
    if motion == "reduce":
        assert moving == 0
    else:
        assert moving > 10
        assert "Terminal 1" in shown
        assert end not in shown
        page.evaluate(GO_TO, 0.999)
        shown = page.evaluate(SHOWN)
    assert {"Terminal 2", end} <= set(shown)
    assert "Terminal 1" not in shown
    page.close()
