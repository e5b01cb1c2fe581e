"""Student's t and the normal distribution at 97.5 %, for intervals of 95 %."""

import statistics

Z_975 = statistics.NormalDist().inv_cdf(0.975)
_FEW = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def t_975(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t.

    Args:
        degrees: of freedom, from 1; a table for few, then Cornish and Fisher's expansion.
    """
    if degrees <= len(_FEW):
        return _FEW[degrees - 1]
    z = Z_975
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
