"""Under more load than it can bear the API refuses in its own words, and is as before after it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SAMPLE_ID, Cloud, run_warmlens, running
from warmlens.bench.soak.commands import problems
from warmlens.bench.soak.load import Answered
from warmlens.bench.soak.phases import recovered_after_s
from warmlens.bench.soak.usage import Usage, usage
from warmlens.local.state import STATE_FILE
from warmlens.records import Record, read_records

MINUTES = "0.1"  # `make soak` does an hour
CONCURRENCY = 10
OTHER_FILES = 4 * CONCURRENCY  # pipes and connections of instances that were not there before
OTHER_PROCESSES = {"server": 0, "emulator": 1}  # the warmer, which the schedule may have run


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own, whose processes and files are counted."""
    yield from running(tmp_path_factory.mktemp("soak"))


@pytest.fixture(scope="module")
def records(own_cloud: Cloud) -> dict[tuple[str, str], Record]:
    place = ("--local-folder", str(own_cloud.folder))
    done = run_warmlens("bench", "soak", "--minutes", MINUTES, "--json", *place)
    assert done.stdout, done.stderr
    return {(each.name, each.metric): each for each in read_records(done.stdout)}


def used(cloud: Cloud) -> dict[str, Usage]:
    state = json.loads((cloud.folder / STATE_FILE).read_text())
    return usage(state["pid"], state["emulator_pid"])


PHASES = ["capacity", "steady", "step", "recovery"]


@pytest.mark.parametrize("phase", PHASES)
def test_every_call_is_answered_rightly_or_refused_with_429(
    records: dict[tuple[str, str], Record], phase: str
) -> None:
    calls, answered, throttled, others, wrong = (
        records[phase, metric].value
        for metric in ("calls", "answered", "throttled", "other_errors", "wrong_class")
    )
    assert (others, wrong) == (0, 0)
    assert answered > 0
    assert answered + throttled == calls


def test_three_times_the_capacity_is_refused_in_part(
    records: dict[tuple[str, str], Record],
) -> None:
    assert records["step", "throttled"].value > 0


def test_nothing_is_left_of_the_load(
    records: dict[tuple[str, str], Record], own_cloud: Cloud
) -> None:
    before = {
        kind: records["whole", f"{kind}_processes"].conditions["before"]
        for kind in ("server", "emulator")
    }
    for kind, count in before.items():
        assert records["whole", f"{kind}_processes"].value <= count + OTHER_PROCESSES[kind]
    # The emulator's files are its own matter, and in the figures.
    most = records["whole", "server_files"].conditions["before"] + OTHER_FILES
    while used(own_cloud)["server"].files > most:  # idle connections are closed after 15 to 30 s
        time.sleep(1)
    assert records["whole", "instances_processes"].value <= 2 * CONCURRENCY  # pool and emulator's
    assert records["whole", "server_rss_mb"].value < 300
    assert {each["state"] for each in own_cloud.status()["instances"]} == {"idle"}
    for _ in range(20):
        answer = own_cloud.post(
            "classification", {"method": "classification", "file_path": "test/20200118.jpg"}
        )
        assert answer.json()["TOP1_ID"] == SAMPLE_ID


def _call(sent_s: float, status: int = 200, latency_ms: float = 10) -> Answered:
    return Answered(sent_s, latency_ms, status, "1")


def test_it_has_recovered_when_twenty_calls_in_a_row_are_as_fast_as_before() -> None:
    refused = [_call(number / 10, status=429) for number in range(30)]
    slow = [_call(3 + number / 10, latency_ms=900) for number in range(30)]
    fast = [_call(6 + number / 10) for number in range(40)]
    assert recovered_after_s([*fast, *refused, *slow], 100) == pytest.approx(6)
    assert recovered_after_s([*refused, *slow, *fast[:19]], 100) is None


def test_what_must_not_be_is_told_in_words(records: dict[tuple[str, str], Record]) -> None:
    def instead(name: str, metric: str, value: float) -> list[Record]:
        changed = Record(**{**vars(records[name, metric]), "value": value})
        return list({**records, (name, metric): changed}.values())

    assert problems(list(records.values())) == []
    assert problems(instead("step", "wrong_class", 2)) == ["step: wrong_class is 2, allowed is 0"]
    assert problems(instead("recovery", "recovered", 0)) == [
        "recovery: the service did not get as fast as before"
    ]
    (refused,) = problems(instead("recovery", "throttled", records["recovery", "calls"].value / 2))
    assert refused.startswith("recovery: 50.0% of the calls were refused, ")
    for metric in ("server_rss_mb", "instances_rss_mb"):
        (grown,) = problems(instead("whole", metric, 2000))
        assert grown.startswith(f"whole: {metric} grew from ")


def test_without_a_local_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = run_warmlens("bench", "soak", "--json", "--local-folder", str(tmp_path))
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
