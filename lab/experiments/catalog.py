"""The experiments by name, in the order in which `all` runs them."""

from collections.abc import Mapping, Sequence

from lab.experiments import concurrency, cost, flow, idle, memory, stages
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.client_results import records as load_records
from lab.experiments.experiment import Experiment
from lab.experiments.samples import Sample
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
"""What `run` takes; the costs are computed anew with each report."""


def all_records(samples: Mapping[str, Sequence[Sample]]) -> dict[str, list[Record]]:
    """Return the records of each experiment that has samples, and the costs.

    Args:
        samples: by the experiment's name, and those of load clients.
    """
    made = {COST: list(cost.records(samples))}
    for name, experiment in EXPERIMENTS.items():
        if samples.get(name):
            made[name] = list(experiment.records(samples[name]))
    if samples.get(LOAD):
        made[LOAD] = list(load_records(samples[LOAD]))
    return made
