"""AWS prices, read as data from the planner's files: `stacks` imports nothing of `warmlens`."""

import json
from collections.abc import Mapping
from functools import cache

from stacks.constructs.paths import PRICES

DEFAULT_REGION = "us-east-1"
SHORT = {"x86_64": "x86", "arm64": "arm"}
"""Architectures as they are called in the names of prices."""


@cache
def prices_of(region: str = DEFAULT_REGION) -> Mapping[str, float]:
    """Return the prices of a region in USD, and those of us-east-1 where it has none.

    Args:
        region: AWS region.
    """
    prices: dict[str, float] = {}
    for name in dict.fromkeys((DEFAULT_REGION, region)):
        file = PRICES / f"{name}.json"
        if file.is_file():
            prices |= json.loads(file.read_text(encoding="utf-8"))["prices"]
    return prices
