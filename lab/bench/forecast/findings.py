"""The findings of the predictions from real traffic, in sentences with their figures."""

from collections.abc import Sequence

from lab.bench.forecast.figures import CAME
from lab.bench.forecast.minutes import (
    AT_ONCE_S,
    END_S,
    HALF_S,
    MEMORY_MB,
    MODELS,
    counted,
    paired_share,
    pairs_per_hour,
)
from lab.bench.forecast.week import IN_FIVES, ONE_BY_ONE
from lab.bench.warming.traces import inference_arrivals
from lab.markdown import listed
from warmlens.records import Record

_WEEK_1 = "week 1"


def findings(records: Sequence[Record]) -> str:
    """Return the list of what came as predicted, and of what did not.

    Args:
        records: of `python -m lab bench forecast`.
    """
    values = {
        (each.conditions["case"], each.name, each.metric): each.value
        for each in records
        if each.metric in ("requests", "cold_share", "met_2", "met_3")
    }
    independent, with_pairs = MODELS
    memory = f"{max(MEMORY_MB):,} MB"
    service = f"service, {memory}"

    def times(model: str, metric: str) -> str:
        return f"{values[service, CAME, metric] / values[service, model, metric]:.1f} times"

    requests = values[ONE_BY_ONE, CAME, "requests"]
    cold = values[ONE_BY_ONE, CAME, "cold_share"] * requests
    (calls,) = counted(inference_arrivals(), HALF_S, END_S, END_S - HALF_S)
    fewer = 1 - requests / values[ONE_BY_ONE, _WEEK_1, "requests"]
    return listed(
        f"**Cold starts** came as often as predicted. In the week, {cold:.0f} of {requests:,.0f} "
        f"calls met one. In the half hour at the service, "
        f"{values[service, CAME, 'cold_share'] * calls:.1f} did on average, too few to contradict "
        "a prediction; the calls that met others are the better test.",
        "**The number of requests**, and the cost with it, was not predicted: the second week had "
        f"{100 * fewer:.0f} % fewer. The range includes chance but no change of demand. For the "
        "number that came, the cost was right.",
        "**Users come together** more often than the planner assumes. At the service, one call in "
        f"{1 / paired_share():.0f} is in a pair within {1000 * AT_ONCE_S:g} ms. So calls that meet "
        f"two others are more frequent than predicted, at {memory} {times(independent, 'met_2')} "
        "as frequent. `--burst-size 2` with the pairs of the first half hour (`--bursts-per-hour "
        f"{pairs_per_hour():.0f}`) corrects that. Calls that meet three others stay "
        f"{times(with_pairs, 'met_3')} as frequent as predicted at {memory}. Counts do not show "
        "pairs; a trace (`arrival_s`) is simulated as it is.",
        f"**If all users came in fives**, as a program's may, "
        f"{100 * values[IN_FIVES, CAME, 'cold_share']:.1f} % would meet a cold start, and the plan "
        "would miss its objective. If your callers come in groups, give bursts, or the most calls "
        "at once, from which they [are fitted](#users-from-cloudwatch).",
    )
