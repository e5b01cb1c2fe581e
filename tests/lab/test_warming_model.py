"""The planner's fleet agrees with the instance pool, call by call."""

import asyncio
import random

from lab.oracle.fleet import SimulatedFleet
from tests.integration import conftest, pool_harness
from tests.integration.pool_harness import FakeClock, StartHarness
from warmlens.planner.distribution import constant
from warmlens.planner.scenario import InstanceLifetimes, PerEnvironmentLimit, Scenario

# Fixtures
start = pool_harness.start
runtime_python = conftest.runtime_python

IDLE_S, LIFETIME_S = 600.0, 3600.0


async def test_the_model_and_the_pool_start_the_same_calls_cold(start: StartHarness) -> None:
    """Groups of one to three calls at once, minutes apart, through expiry and recycling."""
    clock = FakeClock()
    harness = await start(clock=clock, idle_expiry_s=IDLE_S, max_lifetime_s=LIFETIME_S)
    harness.timeout_s = 10**6
    lifetimes = InstanceLifetimes(
        shortest_idle_s=IDLE_S,
        longest_idle_s=IDLE_S,
        shortest_lifetime_s=LIFETIME_S,
        longest_lifetime_s=LIFETIME_S,
    )
    fleet = SimulatedFleet(
        Scenario(init=constant(0), service=constant(0), lifetimes=lifetimes, concurrency=10),
        lambda: 0.0,
    )
    chance = random.Random(5)
    in_pool, in_model = [], []
    for _ in range(25):
        wait_s = chance.choice([61.0, 217.0, 433.0, 659.0])
        await clock.advance(wait_s)
        await asyncio.sleep(0)
        size = chance.randint(1, 3)
        before = {instance.id for instance in harness.pool.instances()}
        results = await (await harness.hold(size)).release()
        in_pool.append(sum(result.instance_id not in before for result in results))
        served = [fleet.call(clock.monotonic(), lambda _: 0.0001) for _ in range(size)]
        in_model.append(sum(each.cold for each in served))
    assert in_pool == in_model
    assert 3 < sum(in_pool) < 25


async def test_the_model_and_the_pool_agree_where_each_instance_takes_ten_calls_a_second(
    start: StartHarness,
) -> None:
    """Up to fourteen calls after one another, fractions of a second apart."""
    clock = FakeClock()
    limit = PerEnvironmentLimit.ENVIRONMENT
    harness = await start(clock=clock, max_instances=10, per_environment_limit=limit.value)
    scenario = Scenario(
        init=constant(0), service=constant(0), concurrency=10, per_environment_limit=limit
    )
    fleet = SimulatedFleet(scenario, lambda: 0.0)
    chance = random.Random(5)
    in_pool, in_model = [], []
    for _ in range(20):
        await clock.advance(chance.choice([0.25, 0.5, 0.75, 1.5]))
        count = chance.randint(1, 14)
        results = [await harness.call("echo") for _ in range(count)]
        in_pool.append([result.init_ms is not None for result in results])
        served = [fleet.call(clock.monotonic(), lambda _: 0.0) for _ in range(count)]
        in_model.append([each.cold for each in served])
    assert in_pool == in_model
    assert sum(map(sum, in_pool)) > 2
