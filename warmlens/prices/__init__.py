"""AWS prices, in one dated data file for each region."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from warmlens.errors import WarmlensError
from warmlens.text_files import STRICT_JSON, read_text

FOLDER = Path(__file__).parent
DEFAULT_REGION = "us-east-1"
HIGHEST_USD = 1_000_000
CURRENCY = "USD"
_KEYS = {"region", "date", "prices", "missing", "currency", "note", "sources"}


@dataclass(frozen=True)
class PriceList:
    """The prices of one region, in USD.

    Attributes:
        region: AWS region.
        date: date of the prices, YYYY-MM-DD.
        prices: prices by name, which includes the unit.
        missing: names of the prices that are known of other regions and not of this one, and why.
    """

    region: str
    date: str
    prices: Mapping[str, float]
    missing: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        """Return a price.

        Raises:
            WarmlensError: the file has no such price.
        """
        self.require([name])
        return self.prices[name]

    def require(self, names: Iterable[str]) -> None:
        """Check that prices are known.

        Args:
            names: names of the prices.

        Raises:
            WarmlensError: some are missing; the message names all of them.
        """
        missing = sorted({name for name in names if name not in self.prices})
        if missing:
            asked = ", ".join(f'"{name}": ...' for name in missing)
            why = dict.fromkeys(self.missing[name] for name in missing if name in self.missing)
            because = f" ({'; '.join(why)})" if why else ""
            raise WarmlensError(
                "price_missing",
                f"no price {', '.join(missing)} for {self.region}{because}: give "
                f"{'it' if len(missing) == 1 else 'them'} in a file, "
                f'{{"region": "{self.region}", "date": ..., "prices": {{{asked}}}}}, '
                "with --prices",
            )


@dataclass(frozen=True)
class Source:
    """A source of prices.

    Attributes:
        date: date of the source, YYYY-MM-DD.
        source: what it is, for people.
        prices: names of the prices.
    """

    date: str
    source: str
    prices: tuple[str, ...]


def read_sources(region: str) -> list[Source]:
    """Return the sources of a region's prices; each price has one.

    Raises:
        WarmlensError: the region is unknown.
    """
    read_prices(region)
    document = STRICT_JSON.decode(read_text(FOLDER / f"{region}.json", "bad_prices"))
    return [
        Source(each["date"], each["source"], tuple(each["prices"])) for each in document["sources"]
    ]


def price_text(usd: float) -> str:
    """Return a price in USD in digits, without zeros at the end."""
    return f"{usd:.10f}".rstrip("0").rstrip(".")


def regions() -> list[str]:
    """Return the regions with known prices."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_prices(region: str = DEFAULT_REGION, file: Path | None = None) -> PriceList:
    """Read a region's prices.

    Args:
        region: AWS region.
        file: a file of the same format, whose prices replace those of the region or add to them.

    Raises:
        WarmlensError: the region is unknown, or the file is not readable, is for another region,
            or has an unknown name or an invalid price.
    """
    known = FOLDER / f"{region}.json"
    if region not in regions() and file is None:
        raise WarmlensError(
            "unknown_region",
            f"no prices for the region {region}: known are {', '.join(regions())}; give one of "
            "them, or prices of another in a file with --prices",
        )
    listed = _read(known) if region in regions() else PriceList(region, "", {})
    if file is None:
        return listed
    own = _read(file)
    if own.region != region:
        raise WarmlensError(
            "bad_prices", f"{file}: the prices are for {own.region}, not for {region}"
        )
    allowed = known_names()
    unknown = sorted(set(own.prices) - allowed)
    if unknown:
        raise WarmlensError(
            "unknown_price",
            f"{file}: {', '.join(unknown)}: unknown price; the names are "
            f"{', '.join(sorted(allowed))}",
        )
    missing = {name: why for name, why in listed.missing.items() if name not in own.prices}
    return PriceList(region, own.date, MappingProxyType({**listed.prices, **own.prices}), missing)


def known_names() -> set[str]:
    """Return the names of all prices."""
    return {name for region in regions() for name in _read(FOLDER / f"{region}.json").prices}


def _read(file: Path) -> PriceList:
    try:
        document = STRICT_JSON.decode(read_text(file, "bad_prices"))
    except (ValueError, RecursionError) as error:
        raise WarmlensError("bad_prices", f"{file}: not JSON: {error}") from None
    if not isinstance(document, dict):
        document = {}
    wanted = {"region": str, "date": str, "prices": dict}
    wrong = [name for name, kind in wanted.items() if not isinstance(document.get(name), kind)]
    if wrong:
        raise WarmlensError(
            "bad_prices",
            f"{file}: {', '.join(wrong)} missing or of another kind; a file of prices has region "
            "and date as text, and prices by name",
        )
    unknown = sorted(document.keys() - _KEYS)
    if unknown:
        why = f"{', '.join(unknown)}: unknown; a file of prices has {', '.join(sorted(_KEYS))}"
        raise WarmlensError("bad_prices", f"{file}: {why}")
    if document.get("currency", CURRENCY) != CURRENCY:
        why = f"the currency is {document['currency']}; give prices in {CURRENCY}"
        raise WarmlensError("bad_prices", f"{file}: {why}")
    for name, price in document["prices"].items():
        if type(price) not in (int, float) or not 0 <= price <= HIGHEST_USD:
            raise WarmlensError(
                "bad_prices",
                f"{file}: {name} is not a price: give USD as a number, 0 to {HIGHEST_USD:,}",
            )
    missing = document.get("missing", {})
    if not isinstance(missing, dict) or not all(isinstance(why, str) for why in missing.values()):
        raise WarmlensError("bad_prices", f"{file}: missing has a reason as text for each name")
    twice = sorted(missing.keys() & document["prices"].keys())
    if twice:
        raise WarmlensError(
            "bad_prices", f"{file}: {', '.join(twice)}: has a price and is listed as missing"
        )
    prices = MappingProxyType(document["prices"])
    return PriceList(document["region"], document["date"], prices, missing)
