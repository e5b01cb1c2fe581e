"""The items of the bill, compared with amounts computed by hand for simple days."""

from dataclasses import replace

import pytest

from lab.oracle.reference import simulate
from warmlens.planner.bill import Item, total_usd
from warmlens.planner.candidates import KINDS
from warmlens.planner.cost import Deployment, monthly_items, needed_prices
from warmlens.planner.distribution import constant
from warmlens.planner.outcome import Outcome
from warmlens.planner.photo import PhotoBy, Way
from warmlens.planner.scenario import FOREVER, Scenario, WakeAhead, WarmingPolicy, by_hour
from warmlens.prices import read_prices

DAY_S = 86_400.0
EVERY_MINUTE = [60.0 * number + 30 for number in range(1440)]
MODEL_BYTES = 24_000_000


# The paper's way, with nothing around it: tests of the whole bill are in test_photo.py.
UPLOADED = Way(photo=PhotoBy.UPLOAD, page=False, waf=False, logs=False, tracing=False)


def bill(
    scenario: Scenario,
    *,
    memory_mb: int = 1769,
    store: str = "image",
    architecture: str = "x86_64",
    snapstart: bool = False,
) -> dict[str, Item]:
    outcome: Outcome = simulate(scenario, EVERY_MINUTE, horizon_s=DAY_S, seed=1)
    what = Deployment(
        memory_mb=memory_mb,
        architecture=architecture,
        model_store=store,
        model_bytes=MODEL_BYTES,
        snapstart=snapstart,
        way=UPLOADED,
    )
    items = monthly_items(outcome, what, read_prices())
    return {item.name: item for item in items}


# 1,440 calls of 100 ms a day on one instance that stays; its one cold start takes a second.
ALONE = Scenario(init=constant(1.0), service=constant(0.1), lifetimes=FOREVER)


def test_users_calls_are_billed_for_thirty_days() -> None:
    items = bill(ALONE)
    # 43,200 users a month.
    assert items["API calls"].quantity == pytest.approx(86_400)
    assert items["API calls"].usd == pytest.approx(0.3024)  # 3.50 USD a million
    assert items["classifier's calls"].quantity == pytest.approx(43_200)
    assert items["uploads' calls"].usd == pytest.approx(0.00864)  # 0.20 USD a million
    assert items["photos read"].usd == pytest.approx(0.01728)  # 0.0004 USD a thousand
    assert items["photos written"].usd == pytest.approx(0.216)  # 0.005 USD a thousand
    assert items["model's storage"].usd == pytest.approx(0.0024)  # 0.024 GB at 0.10 USD
    assert items["photos kept"].usd == pytest.approx(43_200 * 0.0003 * 0.023)  # 300 KB, a month
    assert items["answers"].usd == pytest.approx(43_200 * 5_040 / 1e9 * 0.09)
    assert items["uploads' time"].usd == pytest.approx(43_200 * 0.005 * 0.0000133334)
    # 1,440 x 0.1 s + 1 s of init a day.
    gb_s = 30 * 145.0 * 1769 / 1024
    assert items["classifier's time on demand"].quantity == pytest.approx(gb_s)
    assert items["classifier's time on demand"].usd == pytest.approx(gb_s * 0.0000166667)
    assert len(items) == 10


def test_the_platforms_own_part_of_a_cold_start_is_not_billed() -> None:
    items = bill(replace(ALONE, platform=constant(0.4)))
    assert items["classifier's time on demand"].quantity == pytest.approx(30 * 145.0 * 1769 / 1024)


def test_arm64_and_a_model_in_s3_have_their_own_prices() -> None:
    items = bill(ALONE, memory_mb=1024, store="s3", architecture="arm64")
    assert items["classifier's time on demand"].usd == pytest.approx(30 * 145.0 * 0.0000133334)
    assert items["model's storage"].usd == pytest.approx(0.024 * 0.023)
    # One cold start a day: six parts of 4 MiB and the manifest.
    assert items["model read"].quantity == pytest.approx(30 * 7)
    assert items["model read"].usd == pytest.approx(30 * 7 * 0.0000004)


def test_three_pings_every_five_minutes_are_25920_wakeups_and_8640_runs_a_month() -> None:
    pings = WarmingPolicy(by_hour=by_hour(3), hold_s=0.4)
    items = bill(
        Scenario(init=constant(0.0), service=constant(0.1), lifetimes=FOREVER, warming=pings)
    )
    assert items["wakeups"].quantity == pytest.approx(25_920)
    assert items["wakeups"].usd == pytest.approx(0.005184)
    assert items["warmer's runs"].quantity == pytest.approx(8640)
    assert items["warmer's schedule"].usd == pytest.approx(0.00864)  # 1 USD a million
    # Held until 400 ms after the round's begin: 400, 380 and 360 ms.
    held_gb_s = 8640 * 1.14 * 1769 / 1024
    assert items["instances held by wakeups"].quantity == pytest.approx(held_gb_s)
    assert items["instances held by wakeups"].usd == pytest.approx(held_gb_s * 0.0000166667)
    # A run takes 400 ms and half a second of its own, on 512 MB of arm64.
    assert items["warmer's time"].quantity == pytest.approx(8640 * 0.9 / 2)
    assert items["warmer's time"].usd == pytest.approx(8640 * 0.9 / 2 * 0.0000133334)


def test_five_provisioned_instances_are_billed_all_month_and_their_calls_for_less() -> None:
    scenario = Scenario(
        init=constant(1.0),
        service=constant(0.1),
        lifetimes=FOREVER,
        provisioned_by_hour=by_hour(5),
    )
    items = bill(scenario)
    gb_s = 5 * 1769 / 1024 * 2_592_000
    assert items["provisioned concurrency"].quantity == pytest.approx(gb_s)
    assert items["provisioned concurrency"].usd == pytest.approx(93.29, abs=0.01)
    time = items["classifier's time, provisioned"]
    assert time.quantity == pytest.approx(30 * 144.0 * 1769 / 1024)
    assert time.usd == pytest.approx(time.quantity * 0.0000097222)
    assert "classifier's time on demand" not in items
    assert total_usd(list(items.values())) == pytest.approx(93.29 + 0.94, abs=0.02)


def test_provisioned_for_half_of_the_day_costs_half_of_it() -> None:
    scenario = Scenario(
        init=constant(1.0),
        service=constant(0.1),
        lifetimes=FOREVER,
        provisioned_by_hour=(0,) * 12 + (2,) * 12,
    )
    items = bill(scenario, memory_mb=1024)
    assert items["provisioned concurrency"].quantity == pytest.approx(2 * 1_296_000)


@pytest.mark.parametrize("store", ["image", "s3"])
@pytest.mark.parametrize("warming", KINDS)
def test_the_needed_prices_are_those_of_the_bill(store: str, warming: str) -> None:
    scenario = Scenario(
        init=constant(1.0),
        service=constant(0.1),
        lifetimes=FOREVER,
        warming=WarmingPolicy(by_hour=by_hour(2)) if "ping" in warming else None,
        wake_ahead=WakeAhead() if "ahead" in warming else None,
        provisioned_by_hour=by_hour(2 if warming == "provisioned" else 0),
    )
    snapstart = warming == "snapstart"
    used = {item.price for item in bill(scenario, store=store, snapstart=snapstart).values()}
    what = Deployment(memory_mb=1769, model_store=store, snapstart=snapstart, way=UPLOADED)
    asked = set(needed_prices(what, warming))
    assert used <= asked
    # A provisioned plan may have calls beyond its instances, and then pays for them on demand; the
    # snapshot has the model.
    assert asked - used <= {"lambda_x86_per_gb_s"}


def test_wakes_ahead_are_billed_as_calls_with_their_time_and_their_starts() -> None:
    woken = replace(ALONE, wake_ahead=WakeAhead(service=constant(0.01)), platform=constant(0.4))
    items = bill(woken, memory_mb=1024)
    # 1,440 users a day: two wakes each, one of them by the API, with a start of uploads.
    assert items["wakes ahead: API calls"].quantity == pytest.approx(86_400)
    assert items["wakes ahead: uploads' calls"].quantity == pytest.approx(43_200)
    assert items["wakes ahead"].quantity == pytest.approx(86_400)
    # 10 ms each, and one start of a second; the platform's 400 ms are not billed.
    assert items["instances woken ahead"].quantity == pytest.approx(30 * (28.8 + 1.0))
    assert items["classifier's time on demand"].quantity == pytest.approx(30 * 144.0)
    assert not items["wakes ahead"].fixed


def test_a_snapshot_is_billed_all_month_and_for_each_start() -> None:
    items = bill(ALONE, snapstart=True)
    assert items["snapshot of one version"].usd == pytest.approx(6.74, abs=0.01)
    assert items["snapshots restored"].quantity == pytest.approx(30 * 1769 / 1024)
    assert items["snapshot of one version"].fixed
    assert not items["snapshots restored"].fixed
