"""What AWS asks: one dated data file for each region, and no price that is not in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

FOLDER = Path(__file__).parent
DEFAULT_REGION = "us-east-1"


class PriceError(Exception):
    """A region, a price or a file of prices is missing or wrong.

    Args:
        code: a word for what failed.
        message: what is wrong and what to do, for a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class PriceList:
    """The prices of one region, in USD.

    Attributes:
        region: AWS region.
        date: when they were copied from their source, YYYY-MM-DD.
        prices: by name; the name says for what, and for how much of it.
    """

    region: str
    date: str
    prices: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """Return a price.

        Raises:
            PriceError: it is not in the file. It is never taken to be zero.
        """
        if name not in self.prices:
            raise PriceError(
                "price_missing",
                f"no price {name} for {self.region}: give it in a file, "
                f'{{"region": "{self.region}", "date": ..., "prices": {{"{name}": ...}}}}, '
                "with --prices",
            )
        return self.prices[name]


def regions() -> list[str]:
    """Return the regions that a file of prices is here for."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_prices(region: str = DEFAULT_REGION, file: Path | None = None) -> PriceList:
    """Read a region's prices.

    Args:
        region: AWS region.
        file: prices of the same form that replace those of the region, or add to them.

    Raises:
        PriceError: the region is not known, or the file is not readable or of another region.
    """
    known = FOLDER / f"{region}.json"
    if region not in regions() and file is None:
        raise PriceError(
            "unknown_region",
            f"no prices for the region {region}: known are {', '.join(regions())}; give another "
            "one's with --prices",
        )
    listed = _read(known, region) if region in regions() else PriceList(region, "", {})
    if file is None:
        return listed
    own = _read(file, region)
    return PriceList(region, own.date, MappingProxyType({**listed.prices, **own.prices}))


def _read(file: Path, region: str) -> PriceList:
    try:
        document = json.loads(file.read_text())
        found = PriceList(
            document["region"], document["date"], MappingProxyType(document["prices"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PriceError(
            "bad_prices", f"{file}: not a file of prices, which has region, date, prices: {error!r}"
        ) from None
    if found.region != region:
        raise PriceError("bad_prices", f"{file}: has the prices of {found.region}, not of {region}")
    for name, price in found.prices.items():
        if type(price) not in (int, float) or not 0 <= price < float("inf"):
            raise PriceError("bad_prices", f"{file}: {name} is {price!r}, not a price in USD")
    return found
