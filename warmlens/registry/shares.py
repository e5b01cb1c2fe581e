"""Shares of photos with their 95 % intervals."""

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warmlens.registry.manifest import Recognition

_Z = statistics.NormalDist().inv_cdf(0.975)  # for 95 %


def interval(share: float, images: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `images` photos (E. Wilson, 1927)."""
    spread = _Z**2 / images
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / images + spread / (4 * images)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def with_interval(share: float, images: int) -> str:
    """Return a share and its interval as a text such as "95.3% (94.1 to 96.3)"."""
    low, high = interval(share, images)
    return f"{share:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def threshold_sentence(recognition: "Recognition") -> str:
    """Return the sentence on a version's threshold, with 95 % intervals."""
    kept, found = recognition.kept, recognition.found
    return (
        f"Threshold {recognition.threshold:g} at temperature {recognition.temperature:g}: keeps "
        f"{with_interval(kept.share, kept.images)} of {kept.data}, and finds "
        f"{with_interval(found.share, found.images)} of {found.data}; AUROC "
        f"{recognition.auroc:.3f}."
    )
