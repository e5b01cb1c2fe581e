"""Comparison of a region's file of prices with AWS's public price list."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.prices import CURRENCY, PriceList, Source, read_sources
from warmlens.prices.price_list import Listed, list_url, open_client, read_list
from warmlens.prices.products import BASE_URL, EC2, Product, products

NOTE = "list prices, first tier, free tier left out; from AWS's public price list"
SAME, DIFFERS, NEW, NOT_FOUND, NEITHER = "same", "differs", "new", "not found", "in neither"


@dataclass(frozen=True)
class Compared:
    """A price of ours beside that of AWS's list.

    Attributes:
        name: name of the price.
        ours: our price in USD; None if it is missing.
        listed: AWS's.
    """

    name: str
    ours: float | None
    listed: Listed

    @property
    def status(self) -> str:
        """The outcome, `SAME` to `NEITHER`."""
        if self.listed.usd is None:
            return NEITHER if self.ours is None else NOT_FOUND
        if self.ours is None:
            return NEW
        return SAME if math.isclose(self.ours, self.listed.usd, rel_tol=1e-9) else DIFFERS

    @property
    def difference(self) -> float | None:
        """AWS's price less ours, as a share of ours; None if either is not known or ours is 0."""
        if self.listed.usd is None or not self.ours:
            return None
        return self.listed.usd / self.ours - 1

    @property
    def agrees(self) -> bool:
        """True if AWS's list has the same price, or none where we have none."""
        return self.status in (SAME, NEITHER)


def compare(
    prices: PriceList,
    *,
    ec2: bool = False,
    base_url: str = BASE_URL,
    on_file: Callable[[int, int], None] = lambda done, of: None,
) -> list[Compared]:
    """Compare a region's prices with AWS's list, in the order of the names.

    Args:
        prices: the prices.
        ec2: whether the prices of EC2 are compared, too, whose file is very large.
        base_url: where the list is.
        on_file: called with the number of files that were read, and of all.

    Raises:
        WarmlensError: the region's products are not known, or a file of the list cannot be read.
    """
    by_url: dict[str, dict[str, Product]] = {}
    for name, product in products(prices.region).items():
        if ec2 or product.service != EC2:
            by_url.setdefault(list_url(product, prices.region, base_url), {})[name] = product
    found: dict[str, Listed] = {}
    with open_client() as client:
        for done, (url, wanted) in enumerate(by_url.items()):
            on_file(done, len(by_url))
            found |= read_list(client, url, wanted)
    on_file(len(by_url), len(by_url))
    return [Compared(name, prices.prices.get(name), found[name]) for name in sorted(found)]


def write_prices(file: Path, prices: PriceList, compared: Sequence[Compared]) -> None:
    """Write a file of prices with AWS's, whole or not at all.

    Prices that were not compared stay as they are.

    Args:
        file: the file.
        prices: our prices.
        compared: what :func:`compare` returned.

    Raises:
        WarmlensError: AWS's list lacks one of our prices, or has several for it.
    """
    lacking = [each for each in compared if each.status == NOT_FOUND]
    if lacking:
        names = ", ".join(f"{each.name} ({each.listed.why})" for each in lacking)
        raise WarmlensError(
            "not_in_price_list", f"AWS's list was not matched, so nothing was written: {names}"
        )
    new = {each.name: each.listed for each in compared if each.listed.usd is not None}
    document = {
        "region": prices.region,
        "date": max((each.date for each in new.values()), default=prices.date),
        "currency": CURRENCY,
        "note": NOTE,
        "prices": {**prices.prices, **{name: each.usd for name, each in new.items()}},
        "missing": {name: why for name, why in prices.missing.items() if name not in new},
        "sources": [asdict(each) for each in _sources(prices.region, new)],
    }
    partial = file.with_name(f"{file.name}.partial")
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _sources(region: str, new: Mapping[str, Listed]) -> Iterator[Source]:
    by_file: dict[tuple[str, str], list[str]] = {}
    for name, listed in new.items():
        by_file.setdefault((listed.date, listed.url), []).append(name)
    for (date, url), names in by_file.items():
        yield Source(date, url, tuple(names))
    for each in read_sources(region):
        left = tuple(name for name in each.prices if name not in new)
        if left:
            yield replace(each, prices=left)
