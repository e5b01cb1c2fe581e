"""Temperature and threshold of a model, chosen on photos, and how well they work.

The temperature divides the logits so that the softmax is calibrated (C. Guo et al., *On Calibration
of Modern Neural Networks*, 2017, arXiv 1706.04599). A photo whose highest softmax is below the
threshold is not recognized (D. Hendrycks and K. Gimpel, *A Baseline for Detecting Misclassified and
Out-of-Distribution Examples in Neural Networks*, 2017, arXiv 1610.02136).
"""

import math

import numpy as np
import numpy.typing as npt

MOST_REFUSED = 0.05
LEAST_FOUND = 0.8
TEMPERATURES = (0.05, 20.0)
THRESHOLD_DECIMALS = 4
_TINY = 1e-38  # the least normal number in single precision
_STEPS = 60  # of the search: its last interval is 1e-12 of the first one
_GOLDEN = (math.sqrt(5) - 1) / 2

Softmax = npt.NDArray[np.floating]
Scores = npt.NDArray[np.floating]


def fit_temperature(softmax: Softmax, targets: npt.NDArray[np.int64]) -> float:
    """Return the temperature with the least negative log likelihood on labelled photos.

    Where all n photos are answered right, the likelihood has no maximum: it rises as the
    temperature falls. The right class therefore counts (n + 1) / (n + 2) instead of 1, and the
    others share the rest, which is J. Platt's rule (*Probabilistic Outputs for Support Vector
    Machines*, 1999). The rule matters only for few photos.

    Args:
        softmax: of the model, before this temperature, [photos, classes].
        targets: class of each photo, [photos].
    """
    logits = np.log(np.maximum(softmax.astype(np.float64), _TINY))
    photos, classes = logits.shape
    rest = 1 / (photos + 2)
    right = logits[np.arange(photos), targets]
    wanted = (1 - rest) * right + rest * (logits.sum(1) - right) / (classes - 1)

    def loss(inverse: float) -> float:
        scaled = inverse * logits
        top = scaled.max(1)
        sums = np.log(np.exp(scaled - top[:, np.newaxis]).sum(1)) + top
        return float((sums - inverse * wanted).mean())

    # The loss is convex in 1/temperature, so that the golden section finds its minimum.
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(_STEPS):
        step = _GOLDEN * (high - low)
        first, second = high - step, low + step
        if loss(first) < loss(second):
            high = second
        else:
            low = first
    return float(f"{2 / (low + high):.4g}")


def at_temperature(softmax: Softmax, temperature: float) -> Softmax:
    """Return the softmax that the model gives with its logits divided by a temperature."""
    logits = np.log(np.maximum(softmax.astype(np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    scaled: Softmax = powers / powers.sum(1, keepdims=True)
    return scaled


def choose_threshold(own: Scores, foreign: Scores) -> float:
    """Return the threshold for the highest softmax of photos.

    At most 5 % of the own photos may be refused, and at most 20 % of the foreign ones should be
    missed. The threshold keeps the first limit and stays away from both: with each share as a
    multiple of its limit, the larger one is least. It lies in the middle between two photos.

    Args:
        own: highest softmax of photos of the model's classes.
        foreign: the same of photos of other things.
    """
    scores = np.unique(np.concatenate([[0.0], own, foreign]).astype(np.float64))
    middles = (scores[:-1] + scores[1:]) / 2
    refused = np.searchsorted(np.sort(own), middles) / len(own)
    missed = 1 - np.searchsorted(np.sort(foreign), middles) / len(foreign)
    larger = np.maximum(refused / MOST_REFUSED, missed / (1 - LEAST_FOUND))
    best = int(np.where(refused <= MOST_REFUSED, larger, np.inf).argmin())
    rounded = round(float(middles[best]), THRESHOLD_DECIMALS)
    return rounded if scores[best] < rounded <= scores[best + 1] else float(middles[best])


def area_under_curve(own: Scores, foreign: Scores) -> float:
    """Return the AUROC of own against foreign photos, exactly, from the ranks of their scores.

    It is the share of pairs in which the own photo has the higher score; equal ones count half
    (H. Mann and D. Whitney, 1947).
    """
    ranked = np.sort(foreign)
    below = np.searchsorted(ranked, own, side="left")
    up_to = np.searchsorted(ranked, own, side="right")
    return float((below + up_to).sum() / (2 * len(own) * len(foreign)))
