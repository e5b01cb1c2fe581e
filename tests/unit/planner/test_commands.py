"""Errors, warnings and simulated times of the commands of `warmlens plan`."""

import json
from pathlib import Path

import pytest

from tests.unit.planner.plan_requests import run
from warmlens.planner.budget import slow_run_warning
from warmlens.planner.service_times import SERVICE_TIMES
from warmlens.planner.simulate import Backend
from warmlens.records import read_records

BINARY = b"\xff\xfe\x00arrival_s\n"


def error_of(*arguments: str) -> str:
    """Return the one line of a command's error, after comparing it with the JSON."""
    exit_code, output = run(*arguments)
    assert exit_code == 1
    assert output.count("\n") == 1, output
    assert len(output) < 2000
    for of_python in ("Error(", "Traceback", "Exception", "{'", "b'", "__init__"):
        assert of_python not in output
    exit_code, as_json = run(*arguments, "--json")
    error = json.loads(as_json)["error"]
    assert output == f"{error['code']}: {error['message']}\n"
    return output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "given.csv"


def trace(file: Path, moments: list[float]) -> str:
    file.write_text("arrival_s\n" + "".join(f"{moment}\n" for moment in moments))
    return str(file)


# What is simulated


def test_all_commands_go_once_through_a_trace_of_three_days(file: Path, few: Path) -> None:
    """Few calls on the first day, many on the others: the first day alone would be another bill."""
    first = [1000.0 * number for number in range(86)]
    many = [86_400 + 100.0 * number for number in range(1728)]
    name = trace(file, first + many)
    _, output = run("simulate", "--traffic", name, "--json")
    figures = json.loads(output)
    assert (figures["requests"], figures["hours"]) == (1814, 72)
    _, output = run("cost", "--traffic", name, "--json")
    (calls,) = (each for each in read_records(output) if each.name == "classifier's calls")
    assert calls.conditions["quantity"] == pytest.approx(1814 * 10)
    options = ("--no-servers", "--seeds", "2", "--speed", str(few), "--json")
    _, output = run("--traffic", name, *options)
    off = next(each for each in read_records(output) if "no warming" in each.name)
    assert off.conditions["traffic"] == "trace given.csv, 1,814 calls in 3 days"


@pytest.mark.parametrize("command", ["simulate", "cost"])
def test_a_trace_of_an_hour_is_taken_as_a_day(file: Path, command: str) -> None:
    name = trace(file, [5.0 * number for number in range(720)])
    _, output = run(command, "--traffic", name)
    words = "720 calls in 59.9 min, taken as 1 day without calls in the rest"
    assert words in " ".join(output.split())


def test_a_trace_of_unix_time_is_an_error_with_a_remedy(file: Path) -> None:
    output = error_of("simulate", "--traffic", trace(file, [1_764_000_000, 1_764_000_010]))
    assert "line 2" in output
    assert "subtract the first time" in output
    output = error_of("cost", "--traffic", trace(file, [90_000, 90_010]))
    assert output.startswith("late_trace: ")
    assert "subtract its time" in output


def test_hours_without_calls_are_an_error(file: Path) -> None:
    name = trace(file, [40_000.0, 50_000.0])
    assert error_of("simulate", "--traffic", name, "--hours", "1").startswith("no_traffic: ")
    assert "no call came" in error_of("simulate", "--rps", "0")


# Errors


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("simulate", "--rps", "1e9", "--hours", "1"), "too_many_calls", "--rps"),
        (("--rps", "1e6"), "too_many_calls", "--rps"),
        (("cost", "--rps", "1e308"), "too_many_calls", "--rps"),
        (
            ("--rps", "1", "--bursts-per-hour", "1e9", "--burst-size", "100000"),
            "too_many_calls",
            "--bursts-per-hour",
        ),
        (("simulate", "--rps", "1", "--hours", "nan"), "bad_horizon", "--hours nan"),
        (("simulate", "--rps", "1", "--hours", "1e9"), "bad_horizon", "a year"),
        (("simulate", "--rps", "1", "--idle-min", "1e300"), "bad_lives", "at most"),
        (
            (
                *("cost", "--rps", "1", "--concurrency", "10"),
                *("--warming", "provisioned", "--warm", "500"),
            ),
            "bad_warm_instances",
            "--warm 500: --concurrency 10",
        ),
        (("cost", "--rps", "1", "--warm", "1,2,3"), "bad_warm_instances", "--warm 1,2,3"),
        (("cost", "--rps", "1", "--warm", "-1"), "bad_warm_instances", "--warm -1"),
        (("--rps", "1", "--chart", "/nonexistent/x.svg"), "unwritable_chart", "no folder"),
        (("--rps", "1", "--chart", "/tmp"), "unwritable_chart", "is a folder"),
        (("--rps", "1e-7", "--slo", "p99.9=1s"), "too_few_calls", "too few calls to show 0.1 %"),
    ],
)
def test_invalid_options_are_errors_before_the_simulation(
    arguments: tuple[str, ...], code: str, words: str
) -> None:
    output = error_of(*arguments)
    assert output.startswith(f"{code}: ")
    assert words in output


@pytest.mark.parametrize("name", ["given.csv", "given.json"])
def test_a_binary_file_is_an_error_and_not_quoted(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(BINARY * 1000)
    assert "UTF-8" in error_of("cost", "--traffic", str(file))
    assert "UTF-8" in error_of("cost", "--rps", "1", "--prices", str(file))
    assert "UTF-8" in error_of("cost", "--rps", "1", "--speed", str(file))


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"region": 1, "prices": {}}', "[" * 100_000])
def test_json_of_another_kind_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "given.json"
    file.write_text(text)
    kind = "bad_traffic: " if text == "3" else "bad_cloudwatch_export: "
    assert error_of("cost", "--traffic", str(file)).startswith(kind)
    assert error_of("cost", "--rps", "1", "--prices", str(file)).startswith("bad_prices: ")


@pytest.mark.parametrize("lacking", ["memory_mb", "input_px", "model_store", "page_cache"])
def test_a_missing_condition_of_a_measurement_is_named(file: Path, lacking: str) -> None:
    lines = SERVICE_TIMES.read_text().splitlines()
    documents = [json.loads(line) for line in lines if '"cold_start_ms"' in line]
    for document in documents:
        document["conditions"].pop(lacking, None)
    file.write_text("\n".join(json.dumps(each) for each in documents))
    assert f"lacks {lacking}" in error_of("cost", "--rps", "1", "--speed", str(file))


def test_an_invalid_line_of_a_trace_is_named(file: Path) -> None:
    assert "line 3: 1e+300 s" in error_of("cost", "--traffic", trace(file, [1, 1e300]))
    assert "line 4: 2 s comes after 3 s" in error_of("cost", "--traffic", trace(file, [1, 3, 2]))


def test_the_error_of_a_mistyped_price_lists_the_names(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    prices = {"lambda_x86_per_gbs": 99}
    file.write_text(json.dumps({"region": "us-east-1", "date": "2026-11-24", "prices": prices}))
    output = error_of("cost", "--rps", "1", "--prices", str(file))
    assert output.startswith("unknown_price: ")
    assert "lambda_x86_per_gbs: unknown price" in output
    assert "lambda_x86_per_gb_s" in output


def test_all_missing_prices_are_named_before_anything_is_simulated(
    tmp_path: Path, few: Path
) -> None:
    file = tmp_path / "prices.json"
    prices = {"lambda_per_request": 2e-7}
    file.write_text(json.dumps({"region": "eu-north-9", "date": "2026-11-24", "prices": prices}))
    options = ("--region", "eu-north-9", "--prices", str(file), "--speed", str(few))
    output = error_of("--rps", "1", *options)
    for name in ("ecr_per_gb_month", "rest_api_per_request", "scheduler_per_invocation"):
        assert name in output


def test_a_spreadsheets_utf8_is_read(file: Path) -> None:
    text = "hour,requests\n" + "".join(f"{hour},10\n" for hour in range(24))
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    exit_code, output = run("cost", "--traffic", str(file))
    assert exit_code == 0
    assert "240 requests a day" in output


# Slow runs, and the options of one configuration


def test_a_slow_run_has_a_warning_with_both_backends() -> None:
    for backend in (Backend.PYTHON, Backend.NUMBA):
        assert slow_run_warning(1e10, backend)
        assert slow_run_warning(1e5, backend) is None
    assert "55.6 min" in str(slow_run_warning(1e10, Backend.NUMBA))
    assert "pip install numba" in str(slow_run_warning(1e7, Backend.PYTHON))


def test_a_plans_hours_and_provisioned_schedule_can_be_priced() -> None:
    counts = ",".join(["0"] * 12 + ["4"] * 12)
    quantities = {}
    for warm in (counts, "4"):
        exit_code, output = run(
            *("cost", "--rps", "0.01", "--warming", "provisioned", "--warm", warm, "--json")
        )
        assert exit_code == 0
        found = {each.name: each for each in read_records(output)}
        quantities[warm] = found["provisioned concurrency"].conditions["quantity"]
    assert quantities[counts] == pytest.approx(quantities["4"] / 2)


def test_more_seeds_narrow_the_intervals_and_items_add_up_to_the_cost() -> None:
    widths = []
    for seeds in ("5", "40"):
        _, output = run("simulate", "--rps", "0.005", "--warm", "1", "--seeds", seeds, "--json")
        figures = json.loads(output)
        assert figures["times"] == int(seeds)
        assert figures["cold_share_low"] <= figures["cold_share"] <= figures["cold_share_high"]
        assert figures["p50_low_ms"] <= figures["p50_ms"] <= figures["p50_high_ms"]
        assert figures["cost_usd"] == pytest.approx(sum(figures["cost_usd_by_item"].values()))
        widths.append(figures["cold_share_high"] - figures["cold_share_low"])
    assert widths[1] < widths[0]


def test_several_simulations_use_consecutive_seeds() -> None:
    def requests(*options: str) -> int:
        _, output = run("simulate", "--rps", "0.005", "--warm", "1", *options, "--json")
        return int(json.loads(output)["requests"])

    each = [requests("--seeds", "1", "--seed", str(seed)) for seed in (7, 8, 9)]
    assert len(set(each)) > 1
    assert requests("--seeds", "3", "--seed", "7") == sum(each)


def test_the_scaling_rate_and_the_platform_time_are_options() -> None:
    burst = ("--rps", "0", "--burst-size", "50", "--bursts-per-hour", "2", "--json")
    _, output = run("simulate", *burst, "--scaling-per-10-s", "10")
    assert json.loads(output)["throttled_share"] > 0.3
    _, output = run("simulate", *burst)
    assert json.loads(output)["throttled_share"] == 0
    costs = [
        run("cost", "--rps", "0.001", "--platform-ms", ms, "--json")[1] for ms in ("0", "5000")
    ]
    billed = [
        next(each.value for each in read_records(cost) if each.name.startswith("classifier's time"))
        for cost in costs
    ]
    assert billed[0] == pytest.approx(billed[1], rel=0.01)


def test_no_plan_has_its_own_exit_code(few: Path) -> None:
    options = ("--seeds", "2", "--no-servers", "--speed", str(few))
    exit_code, output = run("--rps", "0.02", "--slo", "p99=1ms", *options)
    assert exit_code == 3
    assert output.startswith("No plan meets the objective")
    assert run("--no-such-option")[0] == 2
