"""Overload of the API: calls are throttled, and it recovers."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.bench.soak.limits import problems
from lab.bench.soak.phases import Usage, classify_in_loop, usage
from lab.load import api_client
from tests.busy_instances import all_busy
from tests.conftest import SAMPLE_ID, Cloud, running
from tests.hostile.traffic import write_traffic
from warmlens.paths import ROOT, STATE_FILE
from warmlens.records import Record, read_records

MINUTES = "0.1"  # `make soak` does an hour
CONCURRENCY = 10
OTHER_FILES = 4 * CONCURRENCY  # pipes and connections of instances that were not there before
OTHER_PROCESSES = {"server": 0, "emulator": 1}  # the warmer, which the schedule may have run


def bench_soak(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", "bench", "soak", "--json", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own, whose processes and files are counted."""
    yield from running(tmp_path_factory.mktemp("soak"))


@pytest.fixture(scope="module")
def records(own_cloud: Cloud) -> dict[tuple[str, str], Record]:
    photos = own_cloud.folder / "hostile"
    write_traffic(photos)
    done = bench_soak(
        *("--minutes", MINUTES, "--folder", str(own_cloud.folder)),
        *("--hostile", str(photos), "--share", "0.1"),
    )
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
    assert answered + throttled == calls


def test_hostile_photos_get_their_own_answers_and_no_instance_is_lost(
    records: dict[tuple[str, str], Record],
) -> None:
    for phase in ("steady", "step", "recovery"):
        assert records[phase, "hostile_calls"].value > 0
        assert records[phase, "hostile_wrong"].value == 0, records[phase, "hostile_wrong"]
    assert records["whole", "lost_instances"].value == 0


def test_the_capacity_is_of_calls_that_were_answered(
    records: dict[tuple[str, str], Record],
) -> None:
    assert records["capacity", "answered"].value > 0
    assert records["capacity", "capacity_rps"].value > 0


async def test_calls_beyond_the_capacity_are_counted_as_refused(narrow_cloud: Cloud) -> None:
    async with api_client() as client:
        url = narrow_cloud.url
        with all_busy(narrow_cloud, 2):
            calls = await classify_in_loop(client, url, clients=2, duration_s=0.5)
        calls_after = await classify_in_loop(client, url, clients=1, duration_s=0.5)
    assert {each.result.status for each in calls} == {429}
    answers = {(each.result.status, each.result.body["TOP1_ID"]) for each in calls_after}
    assert answers == {(200, SAMPLE_ID)}


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
    while {each["state"] for each in own_cloud.status()["instances"]} != {"idle"}:
        time.sleep(0.2)
    for _ in range(20):
        answer = own_cloud.post(
            "classification", {"method": "classification", "file_path": "test/20200118.jpg"}
        )
        assert answer.json()["TOP1_ID"] == SAMPLE_ID


def test_our_processes_do_not_grow_with_the_load(records: dict[tuple[str, str], Record]) -> None:
    # Whether it got as fast as before, too, is for a machine that does nothing else.
    assert [each for each in problems(list(records.values())) if "grew" in each] == []


def test_without_a_local_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = bench_soak("--folder", str(tmp_path))
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
