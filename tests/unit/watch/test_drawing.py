"""The picture of `warmlens watch`, from given readings."""

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from tests.unit.watch.readings import CALLS, IN_AWS, LOCAL, empty
from warmlens.console import Console
from warmlens.watch.drawing import lines, picture
from warmlens.watch.reading import Reading, Warmth


def drawn(reading: Reading, columns: int, **options: Any) -> list[str]:
    console = Console()
    console.width = columns
    with console.capture() as captured:
        console.print(picture(reading, **options))
    return [line.rstrip() for line in captured.get().splitlines()]


def said(reading: Reading, **options: Any) -> dict[str, str]:
    return {name.strip(): text.plain for name, text in lines(reading, **options)}


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("reading", [IN_AWS, LOCAL, empty(IN_AWS), empty(LOCAL)])
def test_the_picture_has_all_its_words_and_fits_the_terminal(
    reading: Reading, columns: int
) -> None:
    found = drawn(reading, columns, every_s=60, bars=True)
    assert max(map(cell_len, found)) <= columns
    words = " ".join(found).split()
    for name, text in lines(reading, every_s=60, bars=True):
        assert set(name.split()) <= set(words)
        for word in text.plain.split():
            assert word in words, word


def test_in_aws_it_says_what_is_warm_what_was_met_and_how_old_that_is() -> None:
    found = said(IN_AWS)
    assert found["As of"] == ("12:09:31 UTC; newest values of 12:08 UTC; values come minutes late")
    assert found["Instances"] == "at most 4 at work at once in 15 minutes"
    assert found["Warm"] == "4 of 5 asked for, by the round at 12:05 UTC"
    assert found["Cold starts"] == (
        "3 met by photos (0.2% of 1,200), 41 absorbed (12 by wakeups ahead, 29 by rounds); "
        "since 00:00 UTC"
    )
    assert found["Calls"] == (
        "132 photos in 15 minutes; 61 ms in the function on average, without init, the slowest "
        "240 ms"
    )


def test_the_cost_says_since_when_and_what_is_left_out() -> None:
    found = said(IN_AWS)
    assert found["Cost"] == (
        "$0.1243 since 00:00 UTC: API $0.0042, classifier $0.1200, warmer $0.0001"
    )
    assert (found["counted"], found["left out"]) == ("API calls", "S3 and logs")
    unknown = replace(IN_AWS, cost=None, no_cost="unknown: eu-north-1 lacks prices")
    assert said(unknown)["Cost"] == "unknown: eu-north-1 lacks prices"


def test_a_watch_says_what_an_hour_of_it_costs() -> None:
    assert said(IN_AWS, every_s=60)["Next"] == (
        "in 60 s; Ctrl-C ends; 19 metrics are asked for each time: $0.011 an hour"
    )
    assert said(IN_AWS)["Asked for"] == "19 metrics, $0.00019"
    unpriced = replace(IN_AWS, metrics_usd=None)
    assert "price that is not known" in said(unpriced, every_s=60)["Next"]
    assert said(LOCAL, every_s=3)["Next"] == "in 3 s; Ctrl-C ends"


def test_the_local_cloud_shows_each_instance() -> None:
    found = said(LOCAL, bars=True)
    assert found["Instances"] == "■■■■ 4: 1 busy, 1 held by a wakeup, 2 idle"
    assert found["Warm"] == "4 now"
    assert found["Cold starts"].startswith("1 met by photos (11.1% of 9), 3 absorbed by wakeups")
    assert found["Cost"] == "nothing: the local cloud runs on this machine"


def test_bars_are_drawn_only_where_asked_for() -> None:
    with_bars = said(IN_AWS, bars=True)
    assert with_bars["Warm"].startswith("████████░░ 4 of 5")
    assert with_bars["Calls"].startswith("▁▁▂▃▅█▇▃▃▂▂▂▂▂▁ 132 photos")
    assert all(text.isascii() for text in said(IN_AWS).values())


def test_nothing_called_yet_is_said_and_no_share_is_made_up() -> None:
    found = said(empty(IN_AWS))
    assert "CloudWatch has no values yet" in found["As of"]
    assert found["Warm"] == "no warming round in the last hours"
    assert found["Cold starts"].startswith("0 met by photos, ")
    assert found["Calls"] == "0 photos in 15 minutes"
    assert said(empty(LOCAL))["Instances"] == "0"
    cold_starts = replace(IN_AWS.cold_starts, by_rounds=None)
    found = said(replace(IN_AWS, warmth=None, cold_starts=cold_starts))
    assert found["Warm"] == "no warming rounds: the setting warming is not 'ping'"


def test_refused_and_failed_calls_stand_out() -> None:
    calls = replace(CALLS, refused=7, failed=2)
    texts = dict(lines(replace(IN_AWS, calls=calls)))
    assert texts["Refused"].plain == "7 by the concurrency limit, with 429"
    assert texts["Failed"].plain == "2 crashed, timed out or answered with a 5xx"
    assert (texts["Refused"].style, texts["Failed"].style) == ("red", "red")


def test_a_round_that_reached_none_is_not_taken_for_a_full_one() -> None:
    warmth = Warmth(reached=0, asked=None, at=IN_AWS.read_at)
    found = said(replace(IN_AWS, warmth=warmth), bars=True)
    assert found["Warm"] == "0 reached, by the round at 12:09 UTC"


def test_photos_that_the_local_cloud_no_longer_has_are_not_left_out_in_silence() -> None:
    calls = replace(CALLS, window_min=1, may_be_more=True, per_minute=(132,))
    found = said(replace(LOCAL, calls=calls))
    assert found["Calls"].startswith("at least 132 photos in the last minute")


def test_a_reading_that_failed_keeps_the_picture_and_says_why() -> None:
    found = " ".join(drawn(IN_AWS, 80, problem="throttled: try again\x1b[2J"))
    assert "132 photos" in found
    assert r"throttled: try again\x1b[2J" in found
