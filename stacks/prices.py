"""AWS prices, read as data from the planner's files: `stacks` imports nothing of `warmlens`."""

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from stacks.constructs.paths import PRICES

DEFAULT_REGION = "us-east-1"
SHORT = {"x86_64": "x86", "arm64": "arm"}
"""Architectures as they are called in the names of prices."""


class RegionPrices:
    """The prices of a region in USD, and those of us-east-1 where it has none.

    Args:
        region: AWS region.

    Attributes:
        borrowed: names of the prices that were asked for and are those of us-east-1.
    """

    def __init__(self, region: str = DEFAULT_REGION) -> None:
        self.region = region
        self.borrowed: set[str] = set()
        self._own = _prices_of(region)

    def __getitem__(self, name: str) -> float:
        """Return a price by its name."""
        if name in self._own:
            return self._own[name]
        self.borrowed.add(name)
        return _prices_of(DEFAULT_REGION)[name]

    @property
    def source(self) -> str:
        """The region whose file of prices is read."""
        return self.region if self._own else DEFAULT_REGION

    @property
    def note(self) -> str:
        """The borrowed prices, in words; empty if none was."""
        if not self.borrowed:
            return ""
        what = ", ".join(sorted(self.borrowed)) if self._own else "all prices"
        return f"{what}: those of {DEFAULT_REGION}, as {self.region}'s are not known"


@cache
def _prices_of(region: str) -> Mapping[str, float]:
    file = PRICES / f"{region}.json"
    if not file.is_file():
        return MappingProxyType({})
    prices: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))["prices"]
    return MappingProxyType(prices)
