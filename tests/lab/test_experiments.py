"""Experiments against a real API, and against the fake Lambda with the limits of AWS."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.experiments import concurrency, idle, load
from lab.experiments.fake_lambda import HOLD_PATH, RELEASE_PATH
from lab.experiments.load import Load, call_at_once
from lab.experiments.measurements import Measurement, Step
from lab.experiments.target import CLASSIFICATION, Target, running_fake_lambda
from lab.load import Response, post, wake_at_once
from tests.conftest import Cloud
from warmlens.paths import ROOT

RESERVED = 4


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lab", "experiments", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_costs_need_no_measurement_and_come_as_records(tmp_path: Path) -> None:
    done = run("run", "cost", "--out", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["kind"] for record in records} == {"computed", "quoted"}
    report = (tmp_path / "README.md").read_text()
    assert "| Table 6 | and $7.25 at 500 ms | **corrected** |" in report


def test_the_whole_flow_is_measured_on_an_api_that_runs(tmp_path: Path, cloud: Cloud) -> None:
    done = run("run", "flow", "--quick", "--url", cloud.url, "--out", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    totals = [each for each in records if each["metric"] == "flow_ms"]
    assert sum(each["samples"] for each in totals) == 10  # five runs of two calls
    assert all(each["kind"] == "measured" and each["mode"] == "quick" for each in totals)
    assert all(each["largest"] >= each["value"] > 0 for each in totals)
    assert cloud.url in totals[0]["command"]
    metric = "flow_stage_mean_ms"
    stages = {each["conditions"]["stage"] for each in records if each["metric"] == metric}
    assert {"sign", "upload", "fetch", "decode", "inference", "api"} <= stages
    report = (tmp_path / "README.md").read_text()
    assert f"run all --url {cloud.url}" in report
    assert "the way over the network included" in report
    assert "of an API that is not known to be in AWS" in report  # so no verdict rests on it
    assert "measured with a stand-in" not in report
    assert "two cores" not in report


def test_many_calls_at_once_are_measured_on_an_api_that_runs(tmp_path: Path, cloud: Cloud) -> None:
    command = ("run", "concurrency", "--quick", "--url", cloud.url, "--out", str(tmp_path))
    done = run(*command, "--json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    shares = {
        (each["metric"], each["conditions"]["clients"]): each["value"]
        for each in records
        if each["conditions"].get("arrivals") == "closed" and "clients" in each["conditions"]
    }
    assert shares["throttled_share", 5] == shares["unanswered_share", 5] == 0
    assert shares["throttled_share", 100] > 0  # ten calls at once are the cloud's limit
    assert {each["name"] for each in records} == {"ours"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "fig-12"), 2, "There is no experiment fig-12"),
        (("run", "memory", "--url", "http://127.0.0.1:9"), 1, "leave out --url and --env"),
        (("run", "flow", "--url", "http://127.0.0.1:9", "--env", "dev"), 1, "not both"),
    ],
)
def test_what_cannot_be_run_is_said(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    done = run(*arguments, "--out", str(tmp_path))
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_api_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run("run", "flow", "--url", "http://127.0.0.1:9", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


async def test_wakeups_that_overlap_are_on_distinct_instances(cloud: Cloud) -> None:
    # Held for longer than the slowest of the three needs to arrive.
    assert len(await wake_at_once(cloud.url, 3, 8_000, {})) == 3


CLIENTS = {
    concurrency.PLAIN: 60,
    concurrency.THROTTLED: 60,
    concurrency.RESERVED_CASE: 40,
    concurrency.RETRY: 40,
}
# Calls overlap for certain; of more than are reserved, one is throttled before any ends.
UNTIL_BUSY = {
    concurrency.PLAIN: concurrency.WARM + 1,
    concurrency.RESERVED_CASE: RESERVED + 1,
    concurrency.RETRY: RESERVED + 1,
}


class Gate:
    """Holds the calls at the fake Lambda, and releases them when a client gets a 429."""

    def __init__(self) -> None:
        self._url = ""
        self._until_busy = 0

    @contextmanager
    def running_fake_lambda(self, limit: int) -> Iterator[dict[str, str]]:
        with running_fake_lambda(limit) as about:
            self._url = about["direct_url"]
            self._hold()
            yield about

    def hold(self, until_busy: int) -> None:
        """Hold the calls of the next step, until a number of them wait or one is throttled."""
        self._until_busy = until_busy
        if self._url:
            self._hold()

    def _hold(self) -> None:
        body = {"until_busy": self._until_busy}
        httpx.post(self._url + HOLD_PATH, json=body, trust_env=False).raise_for_status()

    async def post(self, client: Any, url: str, body: Any) -> Response:
        response = await post(client, url, body)
        if response.status == 429:
            await post(client, self._url + RELEASE_PATH, {})
        return response


@pytest.fixture(scope="module")
def measured() -> "dict[str, dict[str, list[float]]]":
    """Measurements of one step of each case with the fake Lambda, through the emulator's API."""
    stages = Measurement(
        experiment="stages",
        name="ours",
        conditions={},
        values={"first_ms": [900.0], "second_ms": [300.0]},
        command="",
        machine="",
        date="2026-11-24",
    )
    gate = Gate()

    def step(case: str) -> Step:
        clients = CLIENTS[case]
        conditions = {"case": case, "clients": clients, "arrivals": "closed", "repetition": 0}
        return Step(
            experiment=concurrency.NAME, name=concurrency.FAKE_LAMBDA, conditions=conditions
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concurrency, "OWN_THROTTLE", (1, 5))
        patch.setattr(concurrency, "RESERVED", RESERVED)
        patch.setattr(concurrency, "running_fake_lambda", gate.running_fake_lambda)
        patch.setattr(load, "post", gate.post)
        patch.setattr(load, "RETRIES", 100)  # where answers are slow, too
        with concurrency.EXPERIMENT.setup(Target(), {"stages": [stages]}) as measure:
            outcomes = {}
            for case in CLIENTS:
                gate.hold(UNTIL_BUSY.get(case, 1))
                outcomes[case] = measure(step(case))
            return outcomes


def test_calls_beyond_five_warm_instances_are_cold(
    measured: dict[str, dict[str, list[float]]],
) -> None:
    plain = measured[concurrency.PLAIN]
    assert len(plain["warm_ms"]) + len(plain["cold_ms"]) == 60
    assert min(plain["cold_ms"]) >= 900
    assert 5 < plain["peak_executions"][0] <= 60


def test_the_throttle_of_the_api_answers_429(measured: dict[str, dict[str, list[float]]]) -> None:
    assert measured[concurrency.THROTTLED]["throttled_ms"]


def test_a_reserved_concurrency_answers_429_and_patient_clients_are_served(
    measured: dict[str, dict[str, list[float]]],
) -> None:
    refused, patient = measured[concurrency.RESERVED_CASE], measured[concurrency.RETRY]
    assert refused["throttled_ms"]
    assert refused["peak_executions"][0] <= RESERVED
    assert patient["refusals"]
    assert len(patient["warm_ms"]) + len(patient["cold_ms"]) == 40
    assert patient["peak_executions"][0] <= RESERVED


def test_the_real_function_answers_calls_at_once(cloud: Cloud) -> None:
    url = f"{cloud.url}/classification"
    plan = Load(calls=4, arrivals="closed")
    outcomes = asyncio.run(call_at_once(url, CLASSIFICATION, plan, {}))
    assert len(outcomes["warm_ms"]) + len(outcomes["cold_ms"]) == 4


@pytest.mark.parametrize(
    ("wait_min", "minute_s", "left"), [(0, 60.0, 2.0), (2 * idle.LONGEST_MIN, 0.1, 0.0)]
)
def test_the_probe_finds_when_the_pool_ends_instances(
    wait_min: int, minute_s: float, left: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "_LOCAL_MINUTE_S", minute_s)
    monkeypatch.setattr(idle, "HOLD_MS", 3_000)  # longer than one of two calls may be late
    conditions = {"instances": 2, "wait_min": wait_min, "minute_s": minute_s, "trial": 0}
    with idle.EXPERIMENT.setup(Target(), {}) as measure:
        values = measure(Step(experiment=idle.NAME, name="ours", conditions=conditions))
    assert values == {"woken": [2.0], "still_there": [left]}
