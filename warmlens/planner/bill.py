"""Lines of a bill, and what AWS's free tier takes off them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from warmlens.prices import PriceList

FREE_A_MONTH: tuple[tuple[float, tuple[str, ...]], ...] = (
    (1_000_000, ("lambda_per_request",)),
    (400_000, ("lambda_x86_per_gb_s", "lambda_arm_per_gb_s")),
    (5, ("logs_per_gb", "infrequent_logs_per_gb")),
    (100_000, ("xray_per_trace",)),
    (100, ("data_out_per_gb",)),
    (1_024, ("cloudfront_per_gb",)),
    (10_000_000, ("cloudfront_per_request",)),
    (2_000_000, ("cloudfront_function_per_call",)),
    (14_000_000, ("scheduler_per_invocation",)),
)
"""The free tier that does not end, of each account and month, by the names of prices: pages
`pricing` of each service at aws.amazon.com, as copied in 2026. The free twelve months (a million
calls of API Gateway among them) are for accounts opened before 2025-07-15, so they are over; newer
ones have up to $200 of credit instead (aws.amazon.com/api-gateway/pricing)."""


@dataclass(frozen=True)
class Item:
    """One line of the bill.

    Attributes:
        quantity: quantity a month, in the unit.
        price: name of its price in the price list.
        usd: quantity, less what is free of it, times price, in USD.
        fixed: whether it does not grow with the users' traffic.
    """

    name: str
    quantity: float
    unit: str
    price: str
    usd: float
    fixed: bool = False


def total_usd(items: Iterable[Item]) -> float:
    """Return the sum of the items."""
    return sum(item.usd for item in items)


def priced(prices: PriceList, name: str, quantity: float, unit: str, price: str) -> Item:
    """Return an item of the bill.

    Raises:
        WarmlensError: its price is missing.
    """
    return Item(name, quantity, unit, price, quantity * prices[price])


def scaled(items: Iterable[Item], factor: float) -> list[Item]:
    """Return the items of more or less traffic; fixed ones stay, and so does the free share."""
    return [
        each
        if each.fixed
        else replace(each, quantity=each.quantity * factor, usd=each.usd * factor)
        for each in items
    ]


def less_free_tier(items: Sequence[Item], prices: PriceList) -> list[Item]:
    """Return a month's items at what is left to pay after the free tier.

    Args:
        items: the items, whose order is that in which the free quantity is used up.
        prices: their prices.
    """
    left = {names: free for free, names in FREE_A_MONTH}
    paid = []
    for item in items:
        names = next((each for each in left if item.price in each), ())
        free = min(item.quantity, left[names]) if names else 0.0
        if names:
            left[names] -= free
        paid.append(replace(item, usd=(item.quantity - free) * prices[item.price]))
    return paid
