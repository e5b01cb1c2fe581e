"""`warmlens watch` from its first picture to its end; only the readings and the clock are given."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.invoke import Result, invoke
from tests.unit.watch.readings import IN_AWS, LOCAL
from warmlens.cli import app
from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.watch import commands
from warmlens.watch.reading import Reading

Watch = Callable[..., Result]


class Given:
    """Gives readings and errors in their order; then Ctrl-C is pressed."""

    every_s = 60
    shortest_s = 60

    def __init__(self, *given: Reading | WarmlensError) -> None:
        self._given = list(given)
        self.slept_s: list[float] = []

    def read(self, now: datetime) -> Reading:
        found = self._given.pop(0)
        if isinstance(found, WarmlensError):
            raise found
        return found

    def sleep(self, time_s: float) -> None:
        self.slept_s.append(time_s)
        if not self._given:
            raise KeyboardInterrupt


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(out, "is_interactive", True)  # rich finds out when it is imported
    monkeypatch.setenv("COLUMNS", "100")

    def run(source: Given, *arguments: str, terminal: bool = True) -> Result:
        monkeypatch.setattr(commands, "_source", lambda env, folder: source)
        monkeypatch.setattr("warmlens.watch.commands.time.sleep", source.sleep)
        return invoke(app, "watch", "--env", "prod", *arguments, terminal=terminal)

    return run


def test_a_watch_is_renewed_until_ctrl_c_which_is_no_error(watch: Watch) -> None:
    source = Given(LOCAL, IN_AWS)
    result = watch(source, "--every", "90")
    assert (result.exit_code, source.slept_s) == (0, [90, 90])
    assert "3 absorbed by wakeups" in result.stdout
    assert "41 absorbed" in result.stdout
    assert "stopped" not in result.output


def test_a_reading_that_may_succeed_later_leaves_the_picture_and_is_tried_again(
    watch: Watch,
) -> None:
    throttled = WarmlensError("throttled", "AWS throttles this account.", exit_code=3)
    source = Given(IN_AWS, throttled, IN_AWS)
    result = watch(source)
    assert (result.exit_code, source.slept_s) == (0, [60, 60, 60])
    before, after = result.stdout.split("throttled: AWS throttles this account.")
    assert before.count("4 of 5 asked for") == 2  # drawn again, with the reason below
    assert "4 of 5 asked for" in after


def test_an_error_that_stays_ends_the_watch_in_one_line(watch: Watch) -> None:
    refused = WarmlensError("aws_refused", "The token has expired.", exit_code=3)
    result = watch(Given(IN_AWS, refused))
    assert result.exit_code == 3
    assert "aws_refused: The token has expired." in result.stderr
    throttled = WarmlensError("throttled", "AWS throttles this account.", exit_code=3)
    assert watch(Given(throttled)).exit_code == 3  # there is no picture yet


def test_one_picture_is_printed_once_or_in_a_pipe(watch: Watch) -> None:
    once = watch(Given(IN_AWS), "--once")
    assert once.exit_code == 0
    assert "████████░░ 4 of 5 asked for" in once.stdout
    assert "Ctrl-C" not in once.stdout
    piped = watch(Given(IN_AWS), terminal=False)
    assert piped.exit_code == 0
    assert piped.stdout.isascii()
    assert "Warm\t4 of 5 asked for, by the round at 12:05 UTC\n" in piped.stdout


def test_a_terminal_that_cannot_renew_a_picture_gets_one(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "is_interactive", False)
    assert "4 of 5 asked for" in watch(Given(IN_AWS)).stdout


def test_json_is_one_object_with_times_that_programs_read(watch: Watch) -> None:
    for terminal in (True, False):
        document = json.loads(watch(Given(IN_AWS), "--json", terminal=terminal).stdout)
        assert document["newest"] == "2026-11-30T12:08:00+00:00"
        assert document["warmth"]["asked"] == 5
        assert document["cost"]["parts"]["API"] == 0.0042
        assert document["calls"]["per_minute"][5] == 40


def test_a_watch_that_would_pay_for_nothing_new_is_refused(watch: Watch) -> None:
    result = watch(Given(), "--every", "5")
    assert result.exit_code == 2
    assert "CloudWatch has one value a minute; give 60 or more" in " ".join(result.stderr.split())


def test_without_a_local_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = invoke(app, "watch", "--folder", str(tmp_path), "--json")
    assert result.exit_code == 3
    assert "make run" in json.loads(result.stdout)["error"]["message"]
