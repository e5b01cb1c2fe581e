"""What a claim of the paper is, and what may become of it."""

from dataclasses import dataclass

CONFIRMED, CORRECTED, BEATEN, OPEN = "confirmed", "corrected", "beaten", "not shown here"
COMPUTED, MEASURED, BOTH = "computed", "measured", "measured and computed"
STAND_IN, NOT_MEASURED = "measured with a stand-in", "not measured there"


@dataclass(frozen=True)
class Claim:
    """A claim and what became of it.

    Attributes:
        where: the place in the paper.
        claim: what it says, in our words.
        verdict: confirmed, corrected, beaten, or not shown here.
        evidence: what says so.
        kind: measured, computed, measured with a stand-in for the model, or not measured there.
    """

    where: str
    claim: str
    verdict: str
    evidence: str
    kind: str


def grows(few_ms: float, few: int, many_ms: float, many: int) -> bool:
    """Tell whether a time grew at least half as much as the number of connections did."""
    return many_ms / few_ms >= many / few / 2
