"""Output of `warmlens plan`, `plan simulate` and `plan cost`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.planner.plan_requests import run
from warmlens.records import read_records


def test_a_rate_can_be_planned_for_without_a_file(few: Path) -> None:
    options = ("--seeds", "2", "--no-servers", "--speed", str(few))
    exit_code, output = run("--rps", "0.02", *options)
    assert exit_code == 0
    assert output.startswith("Traffic: 0.02 a second")
    (times,) = (line for line in output.splitlines() if line.startswith("Times: "))
    assert times.startswith("Times: measured 2026-")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("simulate", "--rps", "-1"), "negative_rate"),
        (("simulate",), "no_traffic"),
        (("simulate", "--rps", "1", "--region", "mars-1"), "unknown_region"),
        (("simulate", "--rps", "1", "--memory-mb", "1000"), "not_measured"),
        (("simulate", "--rps", "1", "--warming", "ping"), "bad_warming"),
        (("simulate", "--rps", "1", "--warming", "magic", "--warm", "1"), "bad_warming"),
        (("cost", "--rps", "1", "--warming", "snapstart", "--warm", "1"), "bad_warming"),
        (("cost", "--rps", "1", "--warming", "ahead", "--warm", "1"), "bad_warming"),
        (("cost", "--rps", "1", "--warming", "ahead+ping"), "bad_warming"),
        (("cost", "--rps", "1", "--warming", "ahead", "--hold-ms", "9"), "bad_warming"),
        (
            ("cost", "--rps", "1", "--warming", "snapstart", "--region", "eu-west-1"),
            "price_missing",
        ),
        (("simulate", "--rps", "1", "--warm", "101"), "bad_warm_instances"),
        (("simulate", "--rps", "1", "--idle-min", "long"), "bad_lives"),
        (("simulate", "--traffic", "nowhere.csv"), "unreadable_traffic"),
        (("cost", "--rps", "1", "--prices", "nowhere.json"), "bad_prices"),
        ((), "no_traffic"),
        (("--rps", "1", "--traffic", "docs/examples/day.csv"), "no_traffic"),
        (("--traffic", "docs/examples/day.csv", "--slo", "fast"), "bad_slo"),
    ],
)
def test_a_bad_input_prints_its_error_only(arguments: tuple[str, ...], code: str) -> None:
    exit_code, output = run(*arguments, "--json")
    assert exit_code == 1
    assert json.loads(output)["error"]["code"] == code
    exit_code, output = run(*arguments)
    assert exit_code == 1
    assert output.startswith(f"{code}: ")
    assert "Traceback" not in output


def test_snapstart_is_compared_and_marked_as_not_measured() -> None:
    _, output = run("simulate", "--rps", "0.001", "--warming", "snapstart", "--json")
    figures = json.loads(output)
    assert "SnapStart (not measured)" in figures["plan"]
    by_item = figures["cost_usd_by_item"]
    assert by_item["snapshot of one version"] == pytest.approx(6.74 / 30, abs=0.001)
    assert by_item["snapshots restored"] > 0


def test_wakes_ahead_are_counted_and_priced() -> None:
    """A wake of the page is a call of the API; that of the uploads function is not."""
    uploaded = ("--photo", "upload")
    arguments = ("simulate", "--rps", "0.01", "--warming", "ahead", *uploaded, "--json")
    page, api = (
        json.loads(run(*arguments, "--clients", clients)[1]) for clients in ("page", "api")
    )
    assert page["wakes"] == 2 * page["requests"]
    assert page["page_wakes"] == page["requests"] == api["requests"] == api["wakes"]
    usd = page["cost_usd_by_item"]
    assert usd["wakes ahead: API calls"] == pytest.approx(2 * page["requests"] * 3.5e-6)
    assert usd["wakes ahead"] == pytest.approx(2 * page["requests"] * 0.2e-6)
    assert usd["instances woken ahead"] > 0
    assert "wakes ahead: API calls" not in api["cost_usd_by_item"]
    assert page["cold_share"] < api["cold_share"]


def test_simulate_prints_what_scripts_read() -> None:
    exit_code, output = run(
        *("simulate", "--rps", "2", "--hours", "1", "--warm", "3", "--seed", "7", "--json")
    )
    assert exit_code == 0
    figures = json.loads(output)
    assert {
        "requests",
        "cold_share",
        "p50_ms",
        "p99_ms",
        "cost_usd",
        "wall_s",
        "peak_rss_mb",
    } <= set(figures)
    assert figures["requests"] == pytest.approx(7200, rel=0.1)
    assert figures["p99.9_ms"] >= figures["p99_ms"] >= figures["p50_ms"] > 0
    assert figures["cost_usd"] > 0
    assert figures["peak_rss_mb"] > 10
    exit_code, again = run(
        *("simulate", "--rps", "2", "--hours", "1", "--warm", "3", "--seed", "7", "--json"),
        *("--backend", "python"),
    )
    timed = {"wall_s", "peak_rss_mb", "backend"}
    assert {key: value for key, value in json.loads(again).items() if key not in timed} == {
        key: value for key, value in figures.items() if key not in timed
    }


def test_cost_adds_up_to_its_total() -> None:
    exit_code, output = run("cost", "--rps", "0.5", "--warm", "2", "--json")
    assert exit_code == 0
    records = read_records(output)
    *items, total = records
    assert total.name == "total"
    assert total.value == pytest.approx(sum(item.value for item in items))
    assert {"API calls", "wakeups", "classifier's time on demand"} <= {i.name for i in items}


def test_a_plan_without_numba_is_the_same(tmp_path: Path, few: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text("hour,requests\n" + "".join(f"{hour},4\n" for hour in range(24)))
    options = (
        "--traffic",
        str(file),
        "--seeds",
        "2",
        "--no-servers",
        "--speed",
        str(few),
        "--json",
    )
    numba, python = (run(*options, "--backend", backend) for backend in ("numba", "python"))
    assert numba[0] == python[0]
    assert numba[1] == python[1]


def test_simulations_need_neither_numba_nor_numpy() -> None:
    program = (
        "import sys; sys.modules.update(numba=None, numpy=None); "
        "from warmlens.cli import main; main()"
    )
    options = ("simulate", "--rps", "0.1", "--hours", "2", "--warm", "1", "--json")
    result = subprocess.run(
        [sys.executable, "-c", program, "plan", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(result.stdout)
    assert figures["backend"] == "python"
    compared = json.loads(run(*options)[1])
    for timed in ("wall_s", "peak_rss_mb", "backend"):
        del figures[timed], compared[timed]
    assert figures == compared


def test_measurements_on_arm64_are_planned_at_their_own_price(tmp_path: Path, few: Path) -> None:
    """The same times on a processor that costs less: the cheapest plan is the same one there."""
    file = tmp_path / "few.csv"
    file.write_text("hour,requests\n" + "".join(f"{hour},4\n" for hour in range(24)))
    on_arm = tmp_path / "arm.jsonl"
    on_arm.write_text(few.read_text().replace("Linux x86_64", "Linux aarch64"))
    options = ("--traffic", str(file), "--seeds", "2", "--no-servers", "--json")
    one = ("--speed", str(few))
    both = (*one, "--speed", str(on_arm))
    found = {}
    for architecture, speed in (("x86_64", one), ("arm64", both)):
        exit_code, output = run(*options, *speed)
        assert exit_code == 0
        chosen = [each for each in read_records(output) if each.conditions["rank"] == "chosen"]
        assert {each.conditions["architecture"] for each in chosen} == {architecture}
        found[architecture] = {each.metric: each for each in chosen}
    x86, arm = found["x86_64"], found["arm64"]
    assert arm["cost_usd_per_month"].value < x86["cost_usd_per_month"].value
    assert arm["latency_ms"].value == x86["latency_ms"].value
    simulate = ("simulate", "--rps", "1", "--hours", "1", "--architecture", "arm64")
    exit_code, output = run(*simulate, "--json")
    assert (exit_code, json.loads(output)["error"]["code"]) == (1, "not_measured")
    exit_code, output = run(*simulate, *both, "--json")
    assert exit_code == 0
    assert "1769 MB on arm64" in json.loads(output)["plan"]
