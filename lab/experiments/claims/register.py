"""The list of all claims, in the paper's order."""

from lab.experiments.claims import calls, concurrency, costs, memory, models, warming
from lab.experiments.record_query import RecordSet
from lab.experiments.verdicts import Claim, Rule

RULES: tuple[Rule, ...] = (
    *models.RULES,
    *calls.RULES,
    *warming.RULES,
    *concurrency.RULES,
    *memory.RULES,
    *costs.RULES,
)


def claims(results: RecordSet) -> list[Claim]:
    """Return each claim of the paper with the verdict that the records carry."""
    return [rule.apply(results) for rule in RULES]
