"""A claim of the paper, and the claims that local and deployed results share."""

from dataclasses import dataclass

CONFIRMED, CORRECTED, BEATEN, OPEN = "confirmed", "corrected", "beaten", "not shown here"
COMPUTED, MEASURED, BOTH = "computed", "measured", "measured and computed"
FAKE_LAMBDA, NOT_MEASURED = "measured with a stand-in", "not measured there"


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
    """Return whether a time grew at least half as much as the number of connections."""
    return many_ms / few_ms >= many / few / 2


def whole_flow(total_ms: float, evidence: str) -> Claim:
    """Fig. 11: a photo's way from signing to the answer, warm."""
    return Claim(
        "Fig. 11",
        "Without cold start and model initialization the stages take less than 1 s in total",
        BEATEN if total_ms < 500 else CONFIRMED if total_ms < 1000 else CORRECTED,
        evidence,
        MEASURED,
    )


def idle_expiry(evidence: str) -> Claim:
    """Section 4.2: AWS documents no time, so that nothing confirms one."""
    claim = "Of several instances the first ends after 5 min, a single one after 30 min"
    return Claim("4.2", claim, OPEN, evidence, MEASURED)


def making_five(wake_ms: float, evidence: str) -> Claim:
    """Section 4.2: how long five instances take to make."""
    verdict = BEATEN if wake_ms < 10_000 else CORRECTED
    return Claim("4.2", "Making five instances takes about 10 s", verdict, evidence, MEASURED)


def serving_five(response_ms: float, evidence: str) -> Claim:
    """Section 4.2: five users at once on five instances."""
    claim = "Five instances serve five users at once within 100 ms"
    verdict = CONFIRMED if response_ms < 100 else CORRECTED
    return Claim("4.2", claim, verdict, evidence, MEASURED)
