"""Comparison of the plan with servers and provisioned concurrency."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.unit.planner.plan_requests import DAY, MEASURED, chosen, plan_request, run
from warmlens.planner.advice import Advice
from warmlens.planner.bill import total_usd
from warmlens.planner.photo import Way
from warmlens.planner.report import at_rest_line
from warmlens.planner.servers import (
    SERVERS,
    break_even,
    fixed_usd,
    provisioned_pays_above,
    server_items,
    servers_needed,
)
from warmlens.planner.service_times import Measured
from warmlens.planner.traffic import constant_rate
from warmlens.prices import read_prices
from warmlens.records import Record, write_records


def one_vcpu() -> Measured:
    (found,) = (each for each in MEASURED if (each.vcpu, each.model_store) == (1.0, "image"))
    return found


def test_more_traffic_needs_more_servers_and_they_meet_the_latency() -> None:
    request = plan_request("p99=100ms", None)
    counts = [servers_needed(request, one_vcpu(), constant_rate(rate)) for rate in (1, 100, 400)]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[2] > 400 * one_vcpu().service.mean_s


def test_servers_become_cheaper_at_some_traffic(advice: Advice) -> None:
    for name in SERVERS:
        each = break_even(plan_request(), chosen(advice), name)
        assert each.usd_per_month > chosen(advice).usd_per_month > 0
        assert each.requests_per_day is not None
        assert each.requests_per_day > DAY.expected(86_400)


def test_at_the_break_even_the_whole_bills_are_equal_the_web_acl_at_rest_included(
    advice: Advice,
) -> None:
    request, plan = plan_request(), chosen(advice)
    each = break_even(request, plan, "EC2 c7i.large")
    assert each.requests_per_day is not None
    factor = each.requests_per_day / (request.expected / (request.horizon_s / 86_400))
    per_call = sum(item.usd for item in plan.items if not item.fixed)
    plan_usd = fixed_usd(plan) + per_call * factor + 5.00 + 5 * 1.00
    needed = servers_needed(request, one_vcpu(), request.profile.scaled(factor))
    photos = 30 * each.requests_per_day
    servers = server_items(each.name, needed, photos, request.prices, request.way)
    assert plan_usd == pytest.approx(total_usd(servers), rel=0.02)
    without = dataclasses.replace(request, way=dataclasses.replace(request.way, waf=False))
    later = break_even(without, plan, "EC2 c7i.large").requests_per_day
    assert later is not None
    assert later > each.requests_per_day


def test_what_does_not_grow_on_a_servers_bill_is_fixed() -> None:
    prices, way = read_prices(), plan_request().way
    for name in SERVERS:
        few, many = (server_items(name, 2, photos, prices, way) for photos in (1e6, 2e6))
        assert [item for item in few if item.fixed] == [item for item in many if item.fixed]
        assert all(
            item.usd == 0 for item in server_items(name, 2, 0, prices, way) if not item.fixed
        )
    busy = server_items(SERVERS[0], 2, 1e9, prices, way)
    (capacity,) = (item for item in busy if item.unit == "LCU-h")
    assert not capacity.fixed


@pytest.mark.parametrize(
    ("waf", "free_tier", "words"),
    [
        (True, False, "$17.20 a month more (web ACL 5.00, web ACL's rules 5.00, own metri"),
        (False, False, "$7.20 a month more (own metrics 2.70, alarms 1.50, dashboard 3.00)."),
        # Of 9 metrics, 15 alarms and 1 dashboard, 10, 10 and 3 are free.
        (False, True, "$0.50 a month more (own metrics 0.00, alarms 0.50, dashboard 0.00)."),
    ],
)
def test_what_is_paid_at_rest_is_a_line_of_its_own(waf: bool, free_tier: bool, words: str) -> None:
    line = at_rest_line(Way(waf=waf), read_prices(), warmer=False, free_tier=free_tier)
    assert line.startswith(f"Fixed costs, at any traffic: {words}")


def test_provisioned_concurrency_pays_above_sixty_percent() -> None:
    assert provisioned_pays_above(plan_request(), "x86_64") == pytest.approx(0.6, abs=0.001)


def test_a_region_without_the_prices_of_servers_gets_its_plan_and_the_reason(
    few: Path, tmp_path: Path
) -> None:
    file = tmp_path / "prices.json"
    known = {
        name: price
        for name, price in read_prices().prices.items()
        if not name.startswith(("alb", "fargate", "ec2", "snapstart"))
    }
    file.write_text(json.dumps({"region": "eu-north-9", "date": "2026-11-30", "prices": known}))
    options = (
        *("--rps", "0.02", "--region", "eu-north-9", "--prices", str(file)),
        *("--seeds", "2", "--speed", str(few)),
    )
    exit_code, output = run(*options)
    assert exit_code == 0
    assert "\nPlan: " in output
    assert "\nSettings(" in output
    assert "\nFixed costs, at any traffic: $1" in output
    assert "all items of the plan and $10.00 a month for the web ACL (monitoring and" in output
    (fargate,) = (line for line in output.splitlines() if line.startswith("Fargate: "))
    assert fargate.startswith("Fargate: not compared. price_missing: ")
    for name in ("alb_per_h", "alb_per_lcu_h", "fargate_x86_per_gb_h", "fargate_x86_per_vcpu_h"):
        assert name in fargate
    exit_code, output = run(*options, "--no-servers")
    assert "Fargate" not in output
    assert "; none for SnapStart: not compared." in output


def test_prices_are_those_of_the_region_of_the_shell(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("cost", "--rps", "0.02", "--speed", str(few), "--json")
    by_region = {}
    for region in ("us-east-1", "ap-northeast-2"):
        monkeypatch.setenv("AWS_REGION", region)
        exit_code, output = run(*options)
        assert exit_code == 0
        records = [json.loads(line) for line in output.splitlines()]
        assert {each["conditions"]["region"] for each in records} == {region}
        by_region[region] = {each["name"]: each["value"] for each in records}
    seoul, virginia = by_region["ap-northeast-2"], by_region["us-east-1"]
    assert seoul["functions' logs"] == pytest.approx(virginia["functions' logs"] * 0.76 / 0.5)
    monkeypatch.setenv("AWS_REGION", "eu-north-9")  # never the prices of another in silence
    exit_code, output = run(*options)
    assert (exit_code, "unknown_region" in output) == (1, True)
    assert run(*options, "--region", "eu-west-1")[0] == 0


def test_a_plan_is_printed_when_servers_are_too_slow(tmp_path: Path) -> None:
    """A server's processor is that of 1,769 MB; a larger function may be the faster one."""
    file = tmp_path / "speed.jsonl"
    file.write_text(
        write_records(
            Record(
                name="ours",
                metric=metric,
                value=ms,
                unit="ms",
                kind="measured",
                conditions={
                    "memory_mb": memory_mb,
                    "vcpu": vcpu,
                    "input_px": 224,
                    "page_cache": "warm",
                    "model_store": "image",
                    "megapixels": 2,
                },
                command="test",
                machine="x86_64",
                date="2026-12-01",
                samples=300,
                p95=ms,
                p99=ms,
            )
            for memory_mb, vcpu, warm_ms in ((1769, 1.0, 40.0), (3008, 1.7, 20.0))
            for metric, ms in (("cold_start_ms", 200.0), ("warm_ms", warm_ms))
        )
    )
    exit_code, output = run(
        *("--rps", "0.02", "--seeds", "2", "--input-px", "224", "--slo", "p99=30ms"),
        *("--speed", str(file)),
    )
    assert exit_code == 0, output
    assert "\nPlan: " in output
    assert "Fargate: not compared. too_slow: " in output
