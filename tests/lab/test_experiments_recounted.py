"""The tables of the experiments page, recomputed from the measurements by independent code."""

import json
import re
import statistics
from typing import Any

import pytest

from lab.experiments.run import measurements_path
from tests.lab.experiments_page import RECORDS, number, rows
from warmlens.paths import ROOT


def documents_of(name: str) -> list[dict[str, Any]]:
    lines = measurements_path(RECORDS, name).read_text().splitlines()
    return [json.loads(line) for line in lines]


def prices_today() -> dict[str, float]:
    file = ROOT / "warmlens" / "prices" / "us-east-1.json"
    prices: dict[str, float] = json.loads(file.read_text())["prices"]
    return prices


def decimals(cell: str) -> int:
    return len(cell.split()[0].partition(".")[2])


def test_the_table_of_calls_counted_again() -> None:
    calls: dict[str, dict[str, list[float]]] = {}
    for document in documents_of("stages"):
        for metric, values in document["values"].items():
            calls.setdefault(document["name"], {}).setdefault(metric, []).extend(values)
    table = rows("## Fig. 10 and 11")
    assert [row[0] for row in table] == ["baseline", "ours"]
    for name, runs, first, first_mean, slowest, second, count, warm, warm_mean, _, peak in table:
        first_ms, second_ms = (calls[name][metric] for metric in ("first_ms", "second_ms"))
        warm_ms = second_ms + calls[name].get("later_ms", [])
        assert int(runs) == len(first_ms)
        assert int(count) == len(warm_ms)
        assert number(first) == round(statistics.median(first_ms))
        assert number(first_mean) == round(statistics.fmean(first_ms))
        assert slowest == f"{max(first_ms):,.0f} (slowest of {len(first_ms)})"
        for cell, value in (
            (second, statistics.fmean(second_ms)),
            (warm, statistics.median(warm_ms)),
            (warm_mean, statistics.fmean(warm_ms)),
        ):
            assert number(cell) == round(value, decimals(cell))
        assert number(peak) == round(statistics.median(calls[name]["peak_rss_mb"]))


def test_the_table_of_calls_at_once_counted_again() -> None:
    documents = documents_of("concurrency")
    for row in rows("## Fig. 12"):
        name, arrivals, clients, repetitions, median_ms = row[:5]
        found = [
            each["values"]
            for each in documents
            if (each["name"], each["conditions"]["arrivals"]) == (name, arrivals)
            and each["conditions"]["clients"] == number(clients)
            and each["conditions"]["case"] == "as the paper's"
        ]
        answered = [ms for each in found for ms in each["warm_ms"] + each["cold_ms"]]
        refused = sum(len(each["throttled_ms"]) for each in found)
        failed = sum(len(each["failed_ms"]) + len(each.get("unanswered_ms", [])) for each in found)
        assert len(found) == int(repetitions)
        assert len(answered) + refused + failed == number(clients) * len(found)
        assert number(median_ms) == pytest.approx(statistics.median(answered), abs=0.5)
        assert row[9] == f"{refused / number(clients) / len(found):.1%}"
        cold_ms = [ms for each in found for ms in each["cold_ms"]]
        assert number(row[7]) == len(cold_ms)
        assert row[8].startswith(f"{len(cold_ms) / number(clients) / len(found):.1%}")


def test_the_cost_per_million_of_a_memory_size_counted_again() -> None:
    prices = prices_today()
    documents = documents_of("memory")
    table = rows("## Fig. 13")
    assert len(table) > 5
    for row in table:
        warm_ms = [
            ms
            for each in documents
            if each["name"] == row[0]
            and each["conditions"]["part"] == "one instance"
            and each["conditions"]["memory_mb"] == number(row[1])
            for ms in each["values"]["warm_ms"]
        ]
        gb = number(row[1]) / 1024
        usd = [
            -(-ms // 1) / 1000 * gb * prices["lambda_x86_per_gb_s"]
            + prices["lambda_per_request"]
            + prices["s3_per_get"]
            for ms in warm_ms
        ]
        assert int(row[4]) == len(warm_ms)
        assert number(row[6]) == pytest.approx(statistics.fmean(warm_ms), rel=0.01)
        assert number(row[8]) == pytest.approx(statistics.fmean(usd) * 1e6, abs=0.006)


def test_the_recommended_size_has_the_smallest_mean_time_by_mean_cost() -> None:
    smallest: dict[str, tuple[float, str]] = {}
    for row in rows("## Fig. 13"):
        product = number(row[6]) * number(row[8])
        smallest[row[0]] = min(smallest.get(row[0], (product, row[1])), (product, row[1]))
    chosen = {name: size for name, _, _, size, _ in rows("smallest product of mean time")}
    assert chosen == {name: size for name, (_, size) in smallest.items()}


def test_the_months_counted_again() -> None:
    prices = prices_today()
    warm_ms = [
        ms
        for each in documents_of("memory")
        if (each["name"], each["conditions"]["memory_mb"]) == ("ours", 768)
        and each["conditions"]["part"] == "one instance"
        for ms in each["values"]["warm_ms"]
    ]
    gb_s = statistics.fmean(-(-ms // 1) / 1000 * 0.75 for ms in warm_ms)
    stored_usd = prices["s3_per_put"] + prices["s3_per_get"]
    wakeup_usd = 0.4 * 0.75 * prices["lambda_x86_per_gb_s"] + prices["lambda_per_request"]
    kept_usd = {
        "off": 0.0,
        "ping": 30 * 288 * (5 * wakeup_usd + prices["scheduler_per_invocation"]),
        "provisioned": 5 * 0.75 * 30 * 86_400 * prices["provisioned_x86_per_gb_s"],
    }
    table = rows("A month of 30 days")
    assert len(table) == 4 * (6 + 3)
    for requests, way, usd in table:
        month = number(requests) * 30
        server = re.fullmatch(r"(\d+) x (.*)", way)
        bill = re.fullmatch(r"Lambda, (\w+) API, warming (\w+)", way)
        if server:
            per_h = prices[f"ec2_{server[2].replace('.', '_')}_per_h"]
            expected = int(server[1]) * per_h * 720 + month * stored_usd
        else:
            assert bill is not None
            kind = "provisioned_duration" if bill[2] == "provisioned" else "lambda"
            each_usd = (
                gb_s * prices[f"{kind}_x86_per_gb_s"]
                + prices["lambda_per_request"]
                + stored_usd
                + prices[f"{bill[1].lower()}_api_per_request"]
            )
            expected = month * each_usd + kept_usd[bill[2]]
        assert number(usd) == pytest.approx(expected, abs=0.006)


def test_the_whole_flow_counted_again() -> None:
    found = [each["values"] for each in documents_of("flow")]
    table = {row[0]: row[1:] for row in rows("## Fig. 11: the whole flow")}
    stages = ("sign", "upload", "init", "fetch", "decode", "inference", "function", "api")
    for column, call in enumerate(("first", "second")):
        for stage in stages:
            mean_ms = statistics.fmean(each[f"{call}.{stage}_ms"][0] for each in found)
            assert number(table[stage][column]) == pytest.approx(mean_ms, abs=0.051)
        total_ms = [each[f"{call}.total_ms"][0] for each in found]
        assert number(table["total, mean"][column]) == round(statistics.fmean(total_ms))
        assert number(table["total, median"][column]) == round(statistics.median(total_ms))
        stages_ms = sum(number(table[stage][column]) for stage in stages)
        assert stages_ms == pytest.approx(statistics.fmean(total_ms), abs=0.5)  # nothing is lost


def test_the_flow_with_the_papers_handler_counts_one_start_of_a_process() -> None:
    stages, flow = documents_of("stages"), [each["values"] for each in documents_of("flow")]
    started_ms = statistics.fmean(
        each["values"]["first.interpreter_ms"][0] for each in stages if each["name"] == "ours"
    )
    for (_, around, handler, total), call in zip(
        rows("The same with the paper's kind"), ("first", "second"), strict=True
    ):
        handler_ms = statistics.fmean(
            each["values"][f"{call}_ms"][0] for each in stages if each["name"] == "baseline"
        )
        around_ms = sum(
            statistics.fmean(each[f"{call}.{stage}_ms"][0] for each in flow)
            for stage in ("sign", "upload", "api")
        )
        around_ms -= started_ms if call == "first" else 0.0
        assert number(around) == pytest.approx(around_ms, abs=0.51)
        assert number(handler) == pytest.approx(handler_ms, abs=0.51)
        assert number(total) == pytest.approx(around_ms + handler_ms, abs=0.51)


def test_the_idle_instances_counted_again() -> None:
    for instances, wait_min, woken, share in rows("## Idle expiry"):
        found = [
            each["values"]
            for each in documents_of("idle")
            if each["conditions"]["instances"] == int(instances)
            and each["conditions"]["wait_min"] == int(wait_min)
        ]
        there = sum(each["still_there"][0] for each in found)
        assert int(woken) == sum(each["woken"][0] for each in found)
        assert share.partition(" (")[0] == f"{there / int(woken):.0%}"
        assert ("(" in share) == (int(instances) == 1 or len(found) >= 5)


def test_the_calls_of_load_clients_counted_again() -> None:
    outcomes = ("warm_ms", "cold_ms", "throttled_ms", "failed_ms")
    table = rows("## By a real load client")
    assert len(table) == 4
    for client, request, _, calls, median_ms, _, _, cold, refused, failed in table:
        (values,) = [
            each["values"]
            for each in documents_of("load")
            if (each["name"], each["conditions"]["label"]) == (client, request)
        ]
        counts = [len(values.get(outcome, [])) for outcome in outcomes]
        assert int(calls) == sum(counts)
        answered = values.get("warm_ms", []) + values.get("cold_ms", [])
        assert number(median_ms) == pytest.approx(statistics.median(answered), rel=0.01)
        shares = [f"{count / sum(counts):.1%}" for count in counts[1:]]
        assert [cold, refused, failed] == shares


def test_our_costs_are_those_of_the_same_memory_size_in_fig_13() -> None:
    fig_13 = {(row[0], number(row[1])): row[8].split()[0] for row in rows("## Fig. 13")}
    processor, api, baseline, ours = rows("## Our costs today")[0]
    assert (processor, api) == ("x86_64", "none")
    assert (baseline, ours) == (fig_13["baseline", 768], fig_13["ours", 768])
