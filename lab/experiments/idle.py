"""Section 4.2: idle expiry of instances."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from lab.experiments.measurements import Measurement, Step, grouped, joined, share_of
from lab.experiments.prices import PAPER
from lab.experiments.target import Target, running_api
from lab.intervals import LEAST_BLOCKS
from lab.load import wake_at_once
from warmlens.errors import WarmlensError
from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

NAME = "idle"
HOLD_MS: int = PAPER["hold_ms"]
SHORTEST_MIN: int = PAPER["first_of_several_ends_after_min"]
LONGEST_MIN: int = PAPER["single_instance_ends_after_min"]
_LOCAL_MINUTE_S = 0.5
_WAITS_MIN = {Mode.QUICK: (3, 15, 33), Mode.FULL: (3, 8, 13, 18, 23, 28, 33)}
_TRIALS = {Mode.QUICK: 1, Mode.FULL: LEAST_BLOCKS}
_LOCAL_TRIALS = 2
"""At most: what is found locally is a setting."""


def steps(mode: Mode, target: Target) -> list[Step]:
    """Return a step for each wait, the shortest first, with one instance and then with five.

    One instance comes first, so that no instance is left from a step with five.
    """
    minute_s = _LOCAL_MINUTE_S if target.is_local else 60.0
    trials = min(_TRIALS[mode], _LOCAL_TRIALS) if target.is_local else _TRIALS[mode]
    return [
        Step(
            experiment=NAME,
            name="ours",
            conditions={
                "instances": instances,
                "wait_min": wait_min,
                "minute_s": minute_s,
                "trial": trial,
            },
        )
        for instances in (1, PAPER["instances_kept"])
        for trial in range(trials)
        for wait_min in _WAITS_MIN[mode]
    ]


@contextmanager
def idle_setup(target: Target, earlier: Earlier) -> Iterator[Measure]:
    """Yield a function that wakes instances, waits, and counts those that still exist.

    In a local cloud, whose idle expiry is a setting, a minute lasts half a second, and each trial
    begins with fresh instances. In AWS the remaining instances begin the next trial, and calls of
    users or of another run would falsify the count.

    Raises:
        WarmlensError: ``kept_warm``: the environment keeps instances warm, so that none is idle.
    """
    if target.kept_warm:
        raise WarmlensError(
            "kept_warm",
            f"{target.name} keeps instances warm, so that none is idle for long: measure it on an "
            'environment with warming="off", as dev has it',
        )
    shortest, longest = (minutes * _LOCAL_MINUTE_S / 60 for minutes in (SHORTEST_MIN, LONGEST_MIN))
    with running_api(target, "--idle-expiry-min", f"{shortest:.5f}-{longest:.5f}") as api:

        def measure(step: Step) -> Values:
            conditions = step.conditions
            count = conditions["instances"]
            if api.aws is not None:
                note = f"{count} instances, {conditions['wait_min']} min, {conditions['trial']}"
                api.renew(memory_mb=MEMORY_MB_PER_VCPU, note=note)
            before = asyncio.run(wake_at_once(api.url, count, HOLD_MS, api.headers))
            time.sleep(conditions["wait_min"] * conditions["minute_s"])
            after = asyncio.run(wake_at_once(api.url, count, HOLD_MS, api.headers))
            return {
                "woken": [float(len(before))],
                "still_there": [float(len(before.keys() & after.keys()))],
            }

        yield measure


def records(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return the share of remaining instances by wait."""
    for _, conditions, group in grouped(measurements, "trial"):
        woken = [int(each) for each in joined(group, "woken")]
        yield share_of(
            group,
            [int(each) for each in joined(group, "still_there")],
            woken,
            metric="still_there_share",
            conditions={**conditions, "woken": sum(woken)},
        )


EXPERIMENT = Experiment(
    NAME, "Idle expiry: how long instances are kept", steps, idle_setup, records, anywhere=True
)
