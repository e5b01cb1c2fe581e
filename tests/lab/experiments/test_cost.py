"""Costs by the paper's arithmetic, its errors, and today's prices."""

import dataclasses
import re

import pytest

from lab.experiments import arm64, cost
from lab.experiments.measurements import Measurement
from lab.experiments.memory import API, SPEED
from lab.experiments.prices import (
    PAPER,
    Ec2,
    api_usd,
    mean_usd,
    paper_usd,
    servers,
    today_usd,
)
from lab.experiments.record_query import RecordSet
from warmlens.paths import ROOT

FOUND = RecordSet({"cost": list(cost.records({}))})
AT_500 = {"memory_mb": 768, "duration_ms": 500}


def measurement(
    experiment: str, name: str, memory_mb: int, part: str = SPEED, **values: list[float]
) -> Measurement:
    return Measurement(
        experiment=experiment,
        name=name,
        conditions={"memory_mb": memory_mb, "part": part},
        values=values,
        command="",
        machine="a machine",
        date="2026-11-24",
    )


def test_a_million_requests_of_100_ms_at_768_mb_cost_what_the_paper_prints() -> None:
    assert paper_usd(768, 100) * 1e6 == pytest.approx(1.45)
    assert FOUND.value("usd_per_million", "paper", memory_mb=768, duration_ms=100) == 1.45


def test_at_500_ms_the_request_is_paid_once_and_not_five_times() -> None:
    # 5 x $0.00000125 and one $0.0000002, against five times both.
    assert FOUND.value("usd_per_million", cost.PAPER_PRICES, **AT_500) == pytest.approx(6.45)
    assert FOUND.value("usd_per_million", cost.FIVE_FEES, **AT_500) == pytest.approx(7.25)
    assert FOUND.value("usd_per_million", "paper", **AT_500) == 7.25
    assert FOUND.value("usd_per_day", cost.FIVE_FEES, **AT_500) == pytest.approx(0.0725)
    assert FOUND.value("usd_per_day", cost.PAPER_PRICES, **AT_500) == pytest.approx(0.0645)


def test_lambda_and_one_server_cost_the_same_at_half_the_requests_that_the_paper_says() -> None:
    metric = "requests_a_day_where_costs_are_equal"
    assert FOUND.value(metric, cost.FIVE_FEES, servers=1) == pytest.approx(3.3 / 7.25e-6)
    assert round(FOUND.value(metric, cost.FIVE_FEES, servers=1)) == 455_172
    assert round(FOUND.value(metric, cost.PAPER_PRICES, servers=1)) == 511_628
    assert round(FOUND.value(metric, cost.PAPER_PRICES, servers=2)) == 1_023_256


@pytest.mark.parametrize(
    ("instances", "duration_ms", "usd"), [(5, 500, 0.27864), (5, 400, 0.22464), (1, 400, 0.044928)]
)
def test_a_call_every_five_minutes(instances: int, duration_ms: int, usd: float) -> None:
    value = FOUND.value(
        "usd_per_month_for_a_call_every_5_min",
        cost.PAPER_PRICES,
        instances=instances,
        duration_ms=duration_ms,
    )
    assert value == pytest.approx(usd)  # 8,640 calls a month of each instance


def test_the_paper_bills_whole_100_ms_and_today_whole_milliseconds() -> None:
    assert paper_usd(768, 101) == paper_usd(768, 200)
    gb_s = 0.102 * 0.75
    assert today_usd(768, 101.2) == pytest.approx(gb_s * 0.0000166667 + 0.0000002 + 0.0000004)


def test_today_init_is_billed() -> None:
    assert today_usd(1024, 50, init_ms=950) == today_usd(1024, 1000) > today_usd(1024, 50)


def test_arm_costs_a_fifth_less_for_the_same_time() -> None:
    fees = 0.0000006
    x86, arm = (today_usd(1024, 1000, architecture=each) - fees for each in ("x86_64", "arm64"))
    assert arm / x86 == pytest.approx(0.8, rel=1e-4)


def test_a_bill_goes_by_the_mean_and_not_by_the_median() -> None:
    assert mean_usd(lambda ms: ms, [1.0, 1.0, 100.0]) == pytest.approx(34.0)


def test_every_size_of_table_6_costs_what_a_gb_second_did() -> None:
    for size, usd in PAPER["usd_per_100_ms"].items():
        assert usd == pytest.approx(int(size) / 1024 * 0.1 * 0.00001667, rel=1e-3)


def test_our_costs_follow_from_what_was_measured_and_are_left_out_without_it() -> None:
    assert FOUND.get("usd_per_million", "ours") is None
    measurements = {
        "stages": [measurement("stages", "ours", 768, first_ms=[400.0])],
        "memory": [
            measurement("memory", "ours", 768, warm_ms=[60.0, 80.0]),
            measurement("memory", "ours", 1769, warm_ms=[40.0]),
            # Calls over the API share processors: how long those take says nothing of Lambda.
            measurement("memory", "ours", 768, part=API, warm_ms=[900.0]),
            measurement("memory", "ours", 1769, part=API, warm_ms=[900.0]),
        ],
    }
    results = RecordSet({"cost": list(cost.records(measurements))})
    per_call = 0.07 * 0.75 * 0.0000166667 + 0.0000006
    assert results.value("usd_per_million", "ours", api="none", architecture="x86_64") == (
        pytest.approx(per_call * 1e6)
    )
    assert results.value("usd_per_million", "ours", api="REST", architecture="x86_64") == (
        pytest.approx((per_call + api_usd("REST")) * 1e6)
    )
    # Two processors, 40 ms a call: fifty a second; t3.medium may use a fifth of them for long.
    assert results.value("server_requests_per_s", "ours", server="c7i.large") == pytest.approx(50)
    assert results.value("server_requests_per_s", "ours", server="t3.medium") == pytest.approx(10)
    assert results.value(
        "requests_a_day_where_one_server_costs_the_same", "ours", server="c7i.large"
    ) == pytest.approx(0.08925 * 24 / (per_call - 0.0000004))  # a server reads from S3 too


def test_the_whole_bills_are_equal_where_they_are_computed_by_hand_and_lambda_alone_later() -> None:
    repetitions = [
        measurement("memory", "ours", 768, warm_ms=[60.0 + number, 80.0]) for number in range(6)
    ]
    others = [
        measurement("memory", "ours", 1769, warm_ms=[40.0]),
    ]
    stages = [measurement("stages", "ours", 768, first_ms=[400.0])]
    results = RecordSet(
        {"cost": list(cost.records({"stages": stages, "memory": repetitions + others}))}
    )
    billed_s = (62.5 + 80) / 2 / 1000
    function_usd = billed_s * 0.75 * 0.0000166667 + 0.0000002
    alone = results.require(cost.SAME_COST, "ours", server="c7i.large")
    assert alone.value == pytest.approx(0.08925 * 24 / function_usd)
    # A photo in a REST API's call: the call, 1.64 KB of answer, logs of 680 and 260 bytes, a
    # hundredth of a trace. A server: the answer, and by the hour itself and a load balancer.
    around_usd = 0.0000035 + 680e-9 * 0.5 + 260e-9 * 0.25 + 0.01 * 0.000005
    server_usd = 24 * (0.08925 + 0.0225 + 0.008)
    by_call = results.require(cost.WHOLE_SAME_COST, "ours", way="REST API, photo in the call")
    assert by_call.value == pytest.approx(server_usd / (function_usd + around_usd))
    by_upload = results.require(cost.WHOLE_SAME_COST, "ours", way="REST API, upload")
    assert by_upload.value < by_call.value < alone.value
    for record in (alone, by_call, by_upload):
        assert record.interval is not None
        low, high = record.interval
        assert low < record.value < high
    few = RecordSet(
        {"cost": list(cost.records({"stages": stages, "memory": repetitions[:2] + others}))}
    )
    assert few.require(cost.SAME_COST, "ours", server="c7i.large").interval is None


@pytest.fixture(scope="module")
def months() -> RecordSet:
    measurements = {
        "stages": [measurement("stages", "ours", 768, first_ms=[400.0])],
        "memory": [
            measurement("memory", "ours", 768, warm_ms=[60.0, 80.0]),
            measurement("memory", "ours", 1769, warm_ms=[40.0]),
        ],
    }
    return RecordSet({"cost": list(cost.records(measurements))})


MONTH_S = 30 * 86_400
A_MONTH = 30 * 1_000_000
STORED_USD = A_MONTH * (0.000005 + 0.0000004)  # a PUT and a GET for each photo
GB_S = A_MONTH * 0.07 * 0.75


def test_a_month_of_lambda_is_requests_time_api_and_storage(months: RecordSet) -> None:
    usd = months.value("usd_per_month", requests_a_day=1_000_000, api="REST", warming="off")
    requests_usd = A_MONTH * (0.0000002 + 0.0000035)
    assert usd == pytest.approx(requests_usd + GB_S * 0.0000166667 + STORED_USD)


def test_provisioned_concurrency_costs_all_month_and_its_calls_less(months: RecordSet) -> None:
    usd = months.value("usd_per_month", requests_a_day=1_000_000, api="HTTP", warming="provisioned")
    kept_usd = 5 * 0.75 * MONTH_S * 0.0000041667
    requests_usd = A_MONTH * (0.0000002 + 0.000001)
    assert usd == pytest.approx(requests_usd + GB_S * 0.0000097222 + kept_usd + STORED_USD)


def test_a_server_stores_the_photos_too_and_runs_the_same_month(months: RecordSet) -> None:
    usd = months.value("usd_per_month", requests_a_day=1_000_000, server="c7i.large")
    assert usd == pytest.approx(0.08925 * 30 * 24 + STORED_USD)


def test_fig_9_servers_grow_with_connections_and_lambda_only_by_inits() -> None:
    measurements = {
        "stages": [measurement("stages", "ours", 768, first_ms=[400.0])],
        "memory": [
            measurement("memory", "ours", 768, warm_ms=[70.0]),
            measurement("memory", "ours", 1769, warm_ms=[40.0]),
        ],
    }
    results = RecordSet({"cost": list(cost.records(measurements))})
    few, many = (
        results.get("fig_9_usd_per_day", "ours, c7i.large", connections=each) for each in (1, 1000)
    )
    assert few is not None
    assert many is not None
    assert (few.conditions["servers"], many.conditions["servers"]) == (1, 20)
    difference = results.value(
        "fig_9_usd_per_day", "ours, Lambda", connections=1000
    ) - results.value("fig_9_usd_per_day", "ours, Lambda", connections=1)
    assert difference == pytest.approx(999 * 0.33 * 0.75 * 0.0000166667)


def test_servers_have_prices() -> None:
    assert all(isinstance(each, Ec2) and each.usd_per_hour > 0 for each in servers())


def test_a_cost_on_arm64_is_a_range_and_its_ends_have_the_price_and_the_times_of_others() -> None:
    measured_ms, fees = 100.0, today_usd(768, 0, architecture="arm64") + api_usd("REST")
    at_x86s_time = today_usd(768, measured_ms, architecture="arm64") + api_usd("REST")
    record = next(each for each in FOUND.select("usd_per_million"))
    about = {"architecture": "arm64", "api": "REST", "memory_mb": 768}
    computed = dataclasses.replace(record, value=at_x86s_time * 1e6, conditions=about)
    low, high = map(float, arm64.usd_per_million(computed).split(" to "))
    for end, times in zip((low, high), arm64.TIMES, strict=True):
        expected = fees + (at_x86s_time - fees) * times
        assert end == pytest.approx(expected * 1e6, abs=0.006)
    on_x86 = (today_usd(768, measured_ms) + api_usd("REST")) * 1e6
    assert low < on_x86 < high  # so it is not known which of the two costs less
    assert arm64.requests_per_s(199.0) == "100.0 to 236.8"


def test_no_sentence_calls_arm64_cheaper() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    for page in pages:
        for sentence in re.split(r"(?<=[.:;|])\s", " ".join(page.read_text().split())):
            if re.search(r"arm64|Graviton", sentence):
                assert "cheaper" not in sentence, f"{page.name}: {sentence}"
