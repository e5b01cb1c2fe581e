"""A claim of the paper, and claims judged alike for local and deployed results."""

from dataclasses import dataclass

CONFIRMED, CORRECTED, BEATEN, OPEN = "confirmed", "corrected", "beaten", "not shown here"
COMPUTED, MEASURED, BOTH = "computed", "measured", "measured and computed"
FAKE_LAMBDA, NOT_MEASURED = "measured with a stand-in", "not measured there"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper and its verdict.

    Attributes:
        where: the section or figure of the paper.
        claim: the claim, in our words.
        verdict: confirmed, corrected, beaten, or not shown here.
        evidence: the figures behind the verdict.
        kind: measured, computed, measured with a stand-in for the model, or not measured.
    """

    where: str
    claim: str
    verdict: str
    evidence: str
    kind: str


def grows(few_ms: float, few: int, many_ms: float, many: int) -> bool:
    """Return True if a time grew at least half as much as the number of connections."""
    return many_ms / few_ms >= many / few / 2


def whole_flow(total_ms: float, evidence: str) -> Claim:
    """Judge Fig. 11: the duration of the whole flow with a warm instance."""
    return Claim(
        "Fig. 11",
        "Without cold start and model initialization the stages take less than 1 s in total",
        BEATEN if total_ms < 500 else CONFIRMED if total_ms < 1000 else CORRECTED,
        evidence,
        MEASURED,
    )


def idle_expiry(evidence: str) -> Claim:
    """Judge section 4.2 on idle expiry; it stays open, since AWS documents no time."""
    claim = "Of several instances the first ends after 5 min, a single one after 30 min"
    return Claim("4.2", claim, OPEN, evidence, MEASURED)


def making_five(wake_ms: float, evidence: str) -> Claim:
    """Judge section 4.2 on the time to start five instances."""
    verdict = BEATEN if wake_ms < 10_000 else CORRECTED
    return Claim("4.2", "Making five instances takes about 10 s", verdict, evidence, MEASURED)


def serving_five(response_ms: float, evidence: str) -> Claim:
    """Judge section 4.2 on five users at once on five instances."""
    claim = "Five instances serve five users at once within 100 ms"
    verdict = CONFIRMED if response_ms < 100 else CORRECTED
    return Claim("4.2", claim, verdict, evidence, MEASURED)
