"""The list of experiments, in the order in which `all` runs them."""

from collections.abc import Mapping, Sequence

from lab.experiments import concurrency, cost, flow, idle, memory, printed, stages
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.client_results import records as load_records
from lab.experiments.experiment import Experiment
from lab.experiments.measurements import Measurement
from warmlens.records import Record

EXPERIMENTS: Mapping[str, Experiment] = {
    each.name: each
    for each in (
        stages.EXPERIMENT,
        flow.EXPERIMENT,
        concurrency.EXPERIMENT,
        memory.EXPERIMENT,
        idle.EXPERIMENT,
    )
}
COST = cost.NAME
NAMES = (COST, *EXPERIMENTS)
"""Names that `run` accepts; costs are computed with each report."""


def all_records(measurements: Mapping[str, Sequence[Measurement]]) -> dict[str, list[Record]]:
    """Return the records of all measured experiments, and of the costs.

    Args:
        measurements: by the experiment's name, and those of load clients.
    """
    made = {COST: list(cost.records(measurements)), printed.NAME: list(printed.records())}
    for name, experiment in EXPERIMENTS.items():
        if measurements.get(name):
            made[name] = list(experiment.records(measurements[name]))
    if measurements.get(LOAD):
        made[LOAD] = list(load_records(measurements[LOAD]))
    return made
