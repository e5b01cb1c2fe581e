"""The chosen plan, its cost, its text and settings, and the text without a plan."""

import ast
import dataclasses
import re

import pytest

from stacks.image_limits import max_decodable_pixels, max_fetchable_bytes
from stacks.settings import Settings
from tests.unit.planner.plan_requests import MEASURED, chosen, plan_request
from warmlens.errors import WarmlensError
from warmlens.planner.advice import EXTRA_MS, IDLE_MIN, Advice, advise
from warmlens.planner.assumptions import Assumptions, Clients, platform_of
from warmlens.planner.bill import total_usd
from warmlens.planner.candidates import KINDS, Candidate
from warmlens.planner.chart import frontier_chart
from warmlens.planner.plan import check, screen
from warmlens.planner.report import (
    DEFAULT_MAX_IMAGE_BYTES,
    DEFAULT_MAX_IMAGE_PIXELS,
    in_words,
    plan_records,
    settings_text,
)
from warmlens.planner.scenario import InstanceLifetimes, PerEnvironmentLimit, by_hour
from warmlens.planner.statistics import Estimate
from warmlens.planner.traffic import constant_rate

ASSUMED = Assumptions()


def test_the_plan_is_the_cheapest_that_meets_the_objective(advice: Advice) -> None:
    plan = chosen(advice)
    assert plan.meets
    assert plan.result.cold_share.high <= 0.002
    assert plan.result.latency_ms.high <= 1000
    for other in advice.plans:
        assert other.usd_per_month >= plan.usd_per_month or not other.meets
    costs = [other.usd_per_month for other in advice.plans]
    assert costs == sorted(costs)


def test_plans_whose_intervals_overlap_are_as_cheap_and_none_is_cheaper(advice: Advice) -> None:
    plan, other = chosen(advice), advice.runner_up
    assert other is not None
    request = plan_request()
    apart = dataclasses.replace(other, usd=Estimate(plan.usd.high + 1, plan.usd.high + 0.5, 1e6))
    near = dataclasses.replace(other, usd=Estimate(plan.usd.high, plan.usd.value, 1e6))
    assert plan.costs_less_than(apart)
    assert not plan.costs_less_than(near)
    words = f"As cheap, within the interval of its cost: {other.candidate.label}"
    for runner_up, is_as_cheap in ((apart, False), (near, True)):
        both = dataclasses.replace(advice, plans=(plan, runner_up), runner_up=runner_up)
        assert (words in in_words(both, request)) is is_as_cheap
    cheaper = dataclasses.replace(plan, candidate=other.candidate, usd=Estimate(0.1, 0.1, 0.1))
    for best, costs in ((cheaper, "is cheaper"), (near, "is as cheap, within intervals")):
        varied = dataclasses.replace(advice.variations[0], chosen=plan, best=best)
        text = in_words(dataclasses.replace(advice, variations=(varied,)), request)
        assert f"{best.candidate.label} for ${best.usd_per_month:.2f} a month {costs}\n" in text


def test_a_cost_has_the_interval_of_the_simulations_and_of_the_measured_time(
    advice: Advice,
) -> None:
    plan = chosen(advice)
    assert plan.usd.low < plan.usd.value == total_usd(plan.items) < plan.usd.high
    cost, *_ = plan_records(advice, plan_request())
    assert cost.interval is not None
    assert cost.interval[0] < cost.value < cost.interval[1]
    measured = dataclasses.replace(plan.candidate.measured, service_half_share=0.5)
    unsure = screen(dataclasses.replace(plan.candidate, measured=measured), plan_request(), ASSUMED)
    sure = screen(plan.candidate, plan_request(), ASSUMED)
    time_usd = sum(each.usd for each in sure.items if each.name.startswith("classifier's time"))
    assert unsure.usd.high - unsure.usd.value >= 0.5 * time_usd > sure.usd.high - sure.usd.value


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


def test_each_variation_of_the_assumptions_has_a_line(advice: Advice) -> None:
    names = [variation.assumptions.name for variation in advice.variations]
    assert any("5 minutes" in name for name in names)
    text = in_words(advice, plan_request())
    assert "  each environment takes 10 requests a second at most: " in text
    for variation in advice.variations:
        (line,) = (each for each in text.splitlines() if variation.assumptions.name in each)
        if variation.chosen.meets:
            assert "the same plan" in line or "still meets the objective" in line
        else:
            words = "misses the objective, use", "may miss the objective, use", "no plan meets the"
            assert any(each in line for each in words)


def test_the_printed_idle_tolerance_is_the_limit(advice: Advice) -> None:
    plan = chosen(advice)
    assert advice.tolerance is not None
    minutes = advice.tolerance.idle_min
    assert f"down to an idle expiry of {minutes:g} minutes" in in_words(advice, plan_request())

    def meets(idle_min: float) -> bool:
        lifetimes = dataclasses.replace(
            InstanceLifetimes(), shortest_idle_s=idle_min * 60, longest_idle_s=idle_min * 60
        )
        assumptions = dataclasses.replace(plan_request().assumptions, lifetimes=lifetimes)
        return check(plan, plan_request(), assumptions, briefly=True).meets

    assert meets(minutes)
    assert not meets(max(each for each in IDLE_MIN if each < minutes))


def test_the_printed_tolerance_of_longer_starts_is_the_limit() -> None:
    request = plan_request("p98=400ms", None, traffic=constant_rate(0.0005), seeds=None)
    at_once = Assumptions(platform=platform_of(0))
    request = dataclasses.replace(request, measured=MEASURED[-1:], assumptions=at_once)
    found = advise(request)
    assert found.tolerance is not None
    longest_ms = found.tolerance.extra_ms
    assert f"up to {longest_ms:,.0f} ms more for each cold start" in in_words(found, request)
    assert 100 < longest_ms < 400
    longer_ms = min(each for each in EXTRA_MS if each > longest_ms)
    for extra_ms, meets in ((longest_ms, True), (longer_ms, False)):
        assumptions = request.assumptions.with_longer_starts(extra_ms / 1000)
        assert check(chosen(found), request, assumptions, briefly=True).meets is meets


def test_the_settings_can_be_pasted(advice: Advice) -> None:
    text = settings_text(chosen(advice).candidate, region="us-east-1", peak_busy=7)
    call = ast.parse(text).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    values = {each.arg: ast.literal_eval(each.value) for each in call.value.keywords if each.arg}
    settings = Settings(**values)
    assert settings.wake_ahead is chosen(advice).candidate.wakes_ahead


@pytest.mark.parametrize(
    ("kind", "counts", "warming", "wake_ahead"),
    [
        ("off", by_hour(0), "off", False),
        ("ahead", by_hour(0), "off", True),
        ("ping", tuple(range(24)), "ping", False),
        ("ahead+ping", by_hour(2), "ping", True),
        ("provisioned", by_hour(3), "provisioned", False),
        ("snapstart", by_hour(0), "snapstart", False),
    ],
)
def test_the_settings_of_each_kind_of_warming_are_those_of_the_plan(
    kind: str, counts: tuple[int, ...], warming: str, wake_ahead: bool
) -> None:
    candidate = Candidate(measured=MEASURED[0], warming=kind, by_hour=counts)
    settings = eval(
        settings_text(candidate, region="us-east-1", peak_busy=7), {"Settings": Settings}
    )
    assert (settings.warming, settings.wake_ahead) == (warming, wake_ahead)
    alone = settings_text(candidate, region="us-east-1", peak_busy=1)
    least = int(re.findall(r"at least (\d+)", alone)[0])
    as_advised = dataclasses.replace(settings, reserved_concurrency=least)
    assert as_advised.wakes_ahead is wake_ahead
    if any(counts):
        assert settings.warm_by_hour == counts
    else:
        assert "warm_instances" not in settings_text(candidate, region="x", peak_busy=1)


def test_a_plan_with_little_memory_takes_images_that_fit_into_it() -> None:
    default = Settings(env_name="test")
    assert default.max_image_pixels == DEFAULT_MAX_IMAGE_PIXELS
    assert default.max_image_bytes == DEFAULT_MAX_IMAGE_BYTES
    for memory_mb in sorted({each.memory_mb for each in MEASURED}):
        (measured, *_) = (each for each in MEASURED if each.memory_mb == memory_mb)
        candidate = Candidate(measured=measured, warming="off", by_hour=by_hour(0))
        text = settings_text(candidate, region="us-east-1", peak_busy=1)
        settings = eval(text, {"Settings": Settings})
        assert settings.max_image_bytes == min(
            DEFAULT_MAX_IMAGE_BYTES, max_fetchable_bytes(memory_mb) // 2
        )
        most = max_decodable_pixels(memory_mb, settings.max_image_bytes)
        assert most - 1_000_000 < settings.max_image_pixels <= most or settings == (
            dataclasses.replace(settings, max_image_pixels=DEFAULT_MAX_IMAGE_PIXELS)
        )


def test_the_answer_shows_what_is_assumed_and_an_option_replaces_it() -> None:
    """Lambda's own part of a cold start is not zero, unless it is given so."""
    ours = " ".join(Assumptions().descriptions)
    assert "cold start: 0.215 s, 0.53 s for one in forty (mikhail.io" in ours
    assert "one for all of them" in ours
    given = Assumptions(
        platform=platform_of(400),
        clients=Clients.API,
        per_environment_limit=PerEnvironmentLimit.ENVIRONMENT,
    )
    words = " ".join(given.descriptions)
    assert "cold start: 0.4 s." in words
    assert "one for each of them" in words
    assert "no page wakes" in words
    off = Candidate(measured=MEASURED[0], warming="off")
    assert off.scenario(Assumptions()).platform.mean_s > 0.2
    assert off.scenario(given).platform.mean_s == 0.4


def test_without_a_plan_the_closest_candidates_are_printed() -> None:
    request = plan_request("p99=1ms", "0.1%", seeds=2)
    nothing = advise(request)
    assert nothing.chosen is None
    text = in_words(nothing, request)
    assert text.startswith("No plan meets the objective")
    # All candidates of a memory size have the same p99: no one is fastest.
    assert "The fastest, others within its interval: " in text
    fast = min(nothing.plans, key=lambda plan: plan.result.latency_ms.high)
    ms = Estimate(1.5, 1.4, 1.6)
    alone = dataclasses.replace(fast, screened=dataclasses.replace(fast.screened, latency_ms=ms))
    slower = [plan for plan in nothing.plans if plan is not fast]
    text_of_one = in_words(dataclasses.replace(nothing, plans=(alone, *slower)), request)
    assert f"The fastest: {alone.candidate.label}" in text_of_one


def test_a_plan_that_throttles_users_does_not_meet_the_objective() -> None:
    crowded = plan_request(concurrency=1, seeds=2)
    nothing = advise(crowded)
    assert nothing.chosen is None
    assert "are throttled: raise --concurrency" in in_words(nothing, crowded)


def test_no_traffic_is_an_error() -> None:
    with pytest.raises(WarmlensError) as error:
        advise(plan_request(traffic=constant_rate(0), seeds=None))
    assert error.value.code == "no_traffic"


def test_records_name_the_plan_the_runner_up_and_the_frontier(advice: Advice) -> None:
    records = list(plan_records(advice, plan_request()))
    costs = [each for each in records if each.metric == "cost_usd_per_month"]
    assert [each.conditions["rank"] for each in costs].count("chosen") == 1
    assert len({each.name for each in costs}) == len(costs) == len(advice.plans)
    assert sum(each.conditions["frontier"] for each in costs) == len(advice.frontier)
    (found,) = (each for each in costs if each.conditions["rank"] == "chosen")
    assert found.value == pytest.approx(total_usd(chosen(advice).items))
    drawn = frontier_chart(records)
    assert drawn.count("<circle") == len(costs) + len(KINDS)  # and the key


def test_the_frontier_is_listed_with_the_plan_and_the_runner_up(
    advice: Advice,
) -> None:
    text = in_words(advice, plan_request())
    listed = text.partition("Cost against latency")[2].partition("If an assumption")[0]
    assert f"meets   {chosen(advice).candidate.label} (the plan)\n" in listed
    assert advice.runner_up is not None
    assert f"meets   {advice.runner_up.candidate.label} (the runner-up)\n" in listed
    assert all(plan.candidate.label in listed for plan in advice.frontier)
    costs = [float(line.split()[1]) for line in listed.splitlines() if line.startswith("  $")]
    assert costs == sorted(costs)
