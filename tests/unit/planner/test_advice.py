"""The plan: what is chosen, what it costs, what is said when nothing meets the objective."""

import ast
import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stacks.settings import Settings, most_image_pixels
from warmlens.cli import main
from warmlens.paths import ROOT
from warmlens.planner.advice import Advice, advise
from warmlens.planner.candidates import (
    Assumptions,
    Candidate,
    busiest_rates,
    instance_profiles,
    poisson_quantile,
)
from warmlens.planner.chart import frontier_chart
from warmlens.planner.comparison import provisioned_pays_above
from warmlens.planner.cost import total_usd
from warmlens.planner.errors import PlanError
from warmlens.planner.model import Lives, by_hour
from warmlens.planner.objective import read_objective
from warmlens.planner.plan import Plan, check
from warmlens.planner.pool import Pool
from warmlens.planner.question import Question
from warmlens.planner.report import in_words, plan_records
from warmlens.planner.servers import SERVERS, break_even, servers_needed
from warmlens.planner.service_times import Measured, read_measured
from warmlens.planner.settings_text import DEFAULT_MAX_IMAGE_PIXELS, settings_text
from warmlens.planner.simulate import simulate
from warmlens.planner.traffic import Bursts, Profile, constant_rate
from warmlens.prices import read_prices
from warmlens.records import read_records

SPEED = ROOT / "docs" / "records" / "speed.jsonl"
MEASURED = read_measured([SPEED])
DAY = Profile(
    rates_per_s=tuple(0.01 if hour < 7 else 0.1 for hour in range(24)),
    bursts=Bursts(size=4, per_hour=1.0),
    description="a day",
)


def question(
    slo: str = "p99=1s",
    cold_share: str | None = "0.2%",
    *,
    traffic: Profile = DAY,
    concurrency: int = 1000,
    seeds: int | None = 5,
) -> Question:
    return Question(
        traffic=traffic,
        objective=read_objective(slo, cold_share),
        measured=MEASURED,
        prices=read_prices(),
        model_bytes=23_826_237,
        assumptions=Assumptions(concurrency=concurrency),
        seeds=seeds,
    )


@pytest.fixture(scope="module")
def advice() -> Advice:
    return advise(question())


def chosen(advice: Advice) -> Plan:
    assert advice.chosen is not None
    return advice.chosen


def test_the_plan_is_the_cheapest_that_meets_the_objective(advice: Advice) -> None:
    plan = chosen(advice)
    assert plan.meets
    assert plan.reached.cold_share.high <= 0.002
    assert plan.reached.latency_ms.high <= 1000
    for other in advice.plans:
        assert other.usd_per_month >= plan.usd_per_month or not other.meets
    costs = [other.usd_per_month for other in advice.plans]
    assert costs == sorted(costs)


def test_without_warming_the_objective_is_missed_and_the_runner_up_is_of_another_kind(
    advice: Advice,
) -> None:
    off = [plan for plan in advice.plans if plan.candidate.warming == "off"]
    assert off
    assert not any(plan.meets for plan in off)
    assert advice.runner_up is not None
    a, b = chosen(advice).candidate, advice.runner_up.candidate
    assert (a.warming, a.measured) != (b.warming, b.measured)


def test_nothing_is_both_cheaper_and_faster_than_a_plan_of_the_frontier(advice: Advice) -> None:
    assert len(advice.frontier) > 1
    for plan in advice.frontier:
        for other in advice.plans:
            assert (
                other.usd_per_month > plan.usd_per_month
                or other.screened.latency_ms.value >= plan.screened.latency_ms.value
            )


def test_what_is_proposed_was_simulated_again_on_other_days(advice: Advice) -> None:
    for plan in (advice.chosen, advice.runner_up):
        assert plan is not None
        assert plan.checked is not None
        assert plan.checked != plan.screened
        assert plan.reached is plan.checked


def on_other_days(plan: Plan, asked: Question, days: int) -> Pool:
    pool = Pool()
    for number in range(days):
        model = plan.candidate.model(asked.assumptions)
        pool.add(simulate(model, asked.traffic, horizon_s=86_400, seed=5_000_000 + number))
    return pool


@pytest.mark.parametrize(
    ("rps", "slo", "cold_share", "platform_ms"),
    [(0.00023, "p99=1s", None, 1000), (0.0001, "p99=1s", "0.1%", 0)],
)
def test_a_plan_for_a_few_calls_a_day_meets_its_objective_on_thousands_of_other_days(
    rps: float, slo: str, cold_share: str | None, platform_ms: int
) -> None:
    """Twenty and nine calls a day: what a hundred days show is not enough for the cheapest one."""
    asked = dataclasses.replace(
        question(slo, cold_share, traffic=constant_rate(rps), seeds=None),
        assumptions=Assumptions(platform_ms=platform_ms),
        measured=[each for each in MEASURED if each.memory_mb == 1769],
    )
    plan = chosen(advise(asked))
    objective = asked.objective
    assert plan.checked is not None
    assert plan.checked.times * asked.expected > objective.calls_needed
    truth = on_other_days(plan, asked, 3000)
    assert truth.percentile_ms(objective.percent).value <= objective.latency_ms
    assert truth.cold_share().value <= (objective.cold_share or 1)
    one_less = replace_count(plan, -1)
    fewer = on_other_days(one_less, asked, 3000)
    missed = fewer.percentile_ms(objective.percent).value > objective.latency_ms
    assert missed or fewer.cold_share().high > (objective.cold_share or 1)


def replace_count(plan: Plan, by: int) -> Plan:
    counts = tuple(count + by for count in plan.candidate.by_hour)
    warming = plan.candidate.warming if any(counts) else "off"
    return dataclasses.replace(
        plan, candidate=dataclasses.replace(plan.candidate, by_hour=counts, warming=warming)
    )


def test_too_few_calls_to_tell_are_said_instead_of_a_plan() -> None:
    asked = question("p99.9=1s", None, traffic=constant_rate(1e-6), seeds=None)
    words = r"too few calls to tell 0\.1 %: 4,000 simulated days have 346"
    with pytest.raises(PlanError, match=words) as refused:
        advise(asked)
    assert refused.value.code == "too_few_calls"


def test_each_wrong_assumption_is_answered(advice: Advice) -> None:
    names = [variation.assumptions.name for variation in advice.variations]
    assert any("5 minutes" in name for name in names)
    text = in_words(advice, question())
    for variation in advice.variations:
        (line,) = (each for each in text.splitlines() if variation.assumptions.name in each)
        if variation.chosen.meets:
            assert "the same plan" in line or "still meets it" in line
        else:
            assert "misses it, take" in line or "neither" in line


def test_where_the_advice_changes_is_said_and_is_where_it_does(advice: Advice) -> None:
    plan = chosen(advice)
    assert advice.holds is not None
    minutes = advice.holds.idle_min
    assert minutes is not None
    assert f"down to an idle expiry of {minutes:.1f} minutes" in in_words(advice, question())

    def meets(idle_min: float) -> bool:
        lives = dataclasses.replace(
            Lives(), shortest_idle_s=idle_min * 60, longest_idle_s=idle_min * 60
        )
        assumptions = dataclasses.replace(question().assumptions, lives=lives)
        return check(plan, question(), assumptions).meets

    assert meets(minutes)
    assert not meets(minutes - 0.3)


def test_how_long_cold_starts_may_become_is_said_where_the_percentile_is_one() -> None:
    asked = question("p98=400ms", None, traffic=constant_rate(0.0005), seeds=None)
    asked = dataclasses.replace(asked, measured=MEASURED[-1:])
    found = advise(asked)
    assert found.holds is not None
    longest_ms = found.holds.platform_ms
    assert longest_ms is not None
    assert f"up to {longest_ms:,.0f} ms of a cold start" in in_words(found, asked)
    assert 100 < longest_ms < 400
    for platform_ms, meets in ((longest_ms, True), (longest_ms + 25, False)):
        assumptions = Assumptions(platform_ms=round(platform_ms))
        assert check(chosen(found), asked, assumptions).meets is meets


def test_the_settings_can_be_pasted(advice: Advice) -> None:
    text = settings_text(chosen(advice).candidate, region="us-east-1", peak_busy=7)
    call = ast.parse(text).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    values = {each.arg: ast.literal_eval(each.value) for each in call.value.keywords if each.arg}
    settings = Settings(**values)
    assert settings.warming == chosen(advice).candidate.warming
    assert settings.warm_by_hour == chosen(advice).candidate.by_hour
    for warming, counts in (
        ("ping", tuple(range(24))),
        ("provisioned", by_hour(3)),
        ("off", by_hour(0)),
    ):
        candidate = Candidate(measured=MEASURED[0], warming=warming, by_hour=counts, hold_ms=100)
        text = settings_text(candidate, region="us-east-1", peak_busy=7)
        assert "warm" in text
        assert eval(text, {"Settings": Settings})


def test_a_plan_with_little_memory_takes_images_that_fit_into_it() -> None:
    default = Settings(env_name="test")
    assert default.max_image_pixels == DEFAULT_MAX_IMAGE_PIXELS
    for memory_mb in sorted({each.memory_mb for each in MEASURED}):
        (measured, *_) = (each for each in MEASURED if each.memory_mb == memory_mb)
        candidate = Candidate(measured=measured, warming="off", by_hour=by_hour(0), hold_ms=0)
        text = settings_text(candidate, region="us-east-1", peak_busy=1)
        settings = eval(text, {"Settings": Settings})
        most = most_image_pixels(memory_mb)
        assert most - 1_000_000 < settings.max_image_pixels <= most or settings == (
            dataclasses.replace(settings, max_image_pixels=DEFAULT_MAX_IMAGE_PIXELS)
        )


def test_an_objective_that_nothing_meets_is_said_with_what_comes_closest() -> None:
    asked = question("p99=1ms", "0.1%", seeds=2)
    nothing = advise(asked)
    assert nothing.chosen is None
    text = in_words(nothing, asked)
    assert text.startswith("No plan meets the objective")
    assert "The fastest: " in text


def test_a_plan_that_refuses_users_is_none() -> None:
    crowded = question(concurrency=1, seeds=2)
    nothing = advise(crowded)
    assert nothing.chosen is None
    assert "are refused: raise --concurrency" in in_words(nothing, crowded)


def test_no_traffic_is_refused() -> None:
    with pytest.raises(PlanError) as refused:
        advise(question(traffic=constant_rate(0), seeds=None))
    assert refused.value.code == "no_traffic"


def test_records_name_the_plan_the_runner_up_and_the_frontier(advice: Advice) -> None:
    records = list(plan_records(advice, question()))
    costs = [each for each in records if each.metric == "cost_usd_per_month"]
    assert [each.conditions["rank"] for each in costs].count("chosen") == 1
    assert len({each.name for each in costs}) == len(costs) == len(advice.plans)
    assert sum(each.conditions["frontier"] for each in costs) == len(advice.frontier)
    (found,) = (each for each in costs if each.conditions["rank"] == "chosen")
    assert found.value == pytest.approx(total_usd(chosen(advice).items))
    drawn = frontier_chart(records)
    assert drawn.count("<circle") == len(costs) + 3  # and three in the key


# N for the hour


def test_n_is_the_number_of_calls_at_once_that_is_rarely_exceeded() -> None:
    assert poisson_quantile(0.0, 0.1) == 0
    assert poisson_quantile(1.0, 0.01) == 4  # 1 - F(3) = 0.019, 1 - F(4) = 0.0037
    assert poisson_quantile(1000.0, 0.01) > 1000
    profiles = set(instance_profiles(DAY, 0.02))
    assert by_hour(1) in profiles
    assert any(min(each) < max(each) for each in profiles)
    assert any(max(each) >= 4 for each in profiles)


def test_the_busiest_rate_of_an_hour_is_taken_over_all_days_and_parts() -> None:
    two_days = Profile(rates_per_s=(*(1.0,) * 24, *(2.0,) * 24))
    assert busiest_rates(two_days) == [2.0] * 24
    quarters = Profile(rates_per_s=(0.0, 0.0, 3.0, 0.0) * 24, segment_s=900.0)
    assert busiest_rates(quarters) == [3.0] * 24


# Servers


def one_vcpu() -> Measured:
    (found,) = (each for each in MEASURED if (each.vcpu, each.model_store) == (1.0, "image"))
    return found


def test_more_traffic_needs_more_servers_and_they_meet_the_latency() -> None:
    asked = question("p99=100ms", None)
    counts = [servers_needed(asked, one_vcpu(), constant_rate(rate)) for rate in (1, 100, 400)]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[2] > 400 * one_vcpu().service.mean_s


def test_servers_become_the_cheaper_ones_at_some_traffic(advice: Advice) -> None:
    for name in SERVERS:
        each = break_even(question(), chosen(advice), name)
        assert each.usd_per_month > each.plan_usd_per_month > 0
        assert each.requests_per_day is not None
        assert each.requests_per_day > DAY.expected(86_400)


def test_provisioned_concurrency_pays_above_sixty_percent() -> None:
    assert provisioned_pays_above(question(), "x86_64") == pytest.approx(0.6, abs=0.001)


def test_a_region_without_the_prices_of_servers_gets_its_plan_and_the_reason() -> None:
    exit_code, output = run("--rps", "0.02", "--region", "eu-west-1", "--seeds", "2")
    assert exit_code == 0
    assert "\nPlan: " in output
    assert "\nSettings(" in output
    (fargate,) = (line for line in output.splitlines() if line.startswith("Fargate: "))
    assert fargate.startswith("Fargate: not compared. price_missing: ")
    for name in ("alb_per_h", "alb_per_lcu_h", "fargate_x86_per_gb_h", "fargate_x86_per_vcpu_h"):
        assert name in fargate
    exit_code, output = run(
        *("--rps", "0.02", "--region", "eu-west-1", "--seeds", "2", "--no-servers")
    )
    assert "not compared" not in output


def test_servers_that_are_too_slow_do_not_take_the_plan_away() -> None:
    exit_code, output = run(
        *("--rps", "0.02", "--seeds", "2", "--input-px", "224", "--slo", "p99=30.2ms")
    )
    assert exit_code == 0
    assert "\nPlan: " in output
    assert "Fargate: not compared. too_slow: " in output


# The commands


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["plan", *arguments])
    return result.exit_code, result.output


def test_a_rate_is_planned_for_without_a_file() -> None:
    exit_code, output = run("--rps", "0.02", "--seeds", "2", "--no-servers")
    assert exit_code == 0
    assert output.startswith("Traffic: 0.02 a second")


def test_the_plan_and_the_runner_up_are_listed_with_what_is_cheaper_or_faster(
    advice: Advice,
) -> None:
    text = in_words(advice, question())
    listed = text.partition("Cost against latency")[2].partition("If an assumption")[0]
    assert f"meets   {chosen(advice).candidate.label} (the plan)\n" in listed
    assert advice.runner_up is not None
    assert f"meets   {advice.runner_up.candidate.label} (the runner-up)\n" in listed
    assert all(plan.candidate.label in listed for plan in advice.frontier)
    costs = [float(line.split()[1]) for line in listed.splitlines() if line.startswith("  $")]
    assert costs == sorted(costs)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("simulate", "--rps", "-1"), "negative_rate"),
        (("simulate",), "no_traffic"),
        (("simulate", "--rps", "1", "--region", "mars-1"), "unknown_region"),
        (("simulate", "--rps", "1", "--memory-mb", "1000"), "not_measured"),
        (("simulate", "--rps", "1", "--warming", "ping"), "bad_warming"),
        (("simulate", "--rps", "1", "--warming", "magic", "--warm", "1"), "bad_warming"),
        (("simulate", "--rps", "1", "--warm", "101"), "bad_warm_instances"),
        (("simulate", "--rps", "1", "--idle-min", "long"), "bad_lives"),
        (("simulate", "--traffic", "nowhere.csv"), "unreadable_traffic"),
        (("cost", "--rps", "1", "--prices", "nowhere.json"), "bad_prices"),
        ((), "no_traffic"),
        (("--rps", "1", "--traffic", "docs/examples/day.csv"), "no_traffic"),
        (("--traffic", "docs/examples/day.csv", "--slo", "fast"), "bad_slo"),
    ],
)
def test_a_bad_input_is_refused_by_name_and_nothing_else_is_printed(
    arguments: tuple[str, ...], code: str
) -> None:
    exit_code, output = run(*arguments, "--json")
    assert exit_code == 1
    assert json.loads(output)["error"]["code"] == code
    exit_code, output = run(*arguments)
    assert exit_code == 1
    assert output.startswith(f"{code}: ")
    assert "Traceback" not in output


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
        *("--engine", "python"),
    )
    timed = {"wall_s", "peak_rss_mb", "engine"}
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


def test_a_plan_without_numba_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text("hour,requests\n" + "".join(f"{hour},4\n" for hour in range(24)))
    options = ("--traffic", str(file), "--seeds", "2", "--no-servers", "--json")
    numba, python = (run(*options, "--engine", engine) for engine in ("numba", "python"))
    assert numba[0] == python[0]
    assert numba[1] == python[1]


def test_what_was_measured_on_arm64_is_proposed_at_its_own_price(tmp_path: Path) -> None:
    """The same times on a processor that costs less: the cheapest plan is the same one there."""
    file = tmp_path / "few.csv"
    file.write_text("hour,requests\n" + "".join(f"{hour},4\n" for hour in range(24)))
    on_arm = tmp_path / "arm.jsonl"
    on_arm.write_text(SPEED.read_text().replace("Linux x86_64", "Linux aarch64"))
    options = ("--traffic", str(file), "--seeds", "2", "--no-servers", "--json")
    both = ("--speed", str(SPEED), "--speed", str(on_arm))
    found = {}
    for architecture, speed in (("x86_64", ()), ("arm64", both)):
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
