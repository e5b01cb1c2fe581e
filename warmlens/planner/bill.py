"""Lines of a bill, and what AWS's free tier takes off them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from warmlens.prices import PriceList


class Part(StrEnum):
    """A part of a bill; a comparison says which it counts."""

    API = "API calls"
    FUNCTION = "Lambda's calls and time"
    COLD_STARTS = "cold starts"
    S3 = "S3"
    LOGS = "logs"
    METRICS = "metrics, alarms, dashboard"
    TRACES = "traces"
    WEB_ACL = "web ACL"
    DATA_OUT = "data out"
    PAGE = "CloudFront"
    IMAGE = "images"
    WARMING = "warming"
    SERVERS = "servers"
    FILES = "EFS"
    WORKFLOWS = "Step Functions"


_PARTS: tuple[tuple[Part, tuple[str, ...]], ...] = (
    (Part.API, ("rest_api", "http_api")),
    (Part.FUNCTION, ("lambda", "provisioned_duration")),
    (Part.S3, ("s3",)),
    (Part.LOGS, ("logs", "infrequent_logs")),
    (Part.METRICS, ("metric", "alarm", "dashboard")),
    (Part.TRACES, ("xray",)),
    (Part.WEB_ACL, ("waf",)),
    (Part.DATA_OUT, ("data_out",)),
    (Part.PAGE, ("cloudfront",)),
    (Part.IMAGE, ("ecr",)),
    (Part.WARMING, ("provisioned", "snapstart", "scheduler")),
    (Part.SERVERS, ("fargate", "ec2", "alb")),
    (Part.FILES, ("efs",)),
    (Part.WORKFLOWS, ("step_functions",)),
)
"""Beginnings of the names of each part's prices."""

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
    (10, ("metric_per_month",)),
    (10, ("alarm_per_month",)),
    (3, ("dashboard_per_month",)),
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
        part: the part of the bill that it is of.
        fixed: whether it does not grow with the users' traffic.
    """

    name: str
    quantity: float
    unit: str
    price: str
    usd: float
    part: Part
    fixed: bool = False


def total_usd(items: Iterable[Item]) -> float:
    """Return the sum of the items."""
    return sum(item.usd for item in items)


def priced(prices: PriceList, name: str, quantity: float, unit: str, price: str) -> Item:
    """Return an item of the bill.

    Raises:
        WarmlensError: its price is missing.
    """
    return Item(name, quantity, unit, price, quantity * prices[price], part_of(price))


def part_of(price: str) -> Part:
    """Return the part of a bill that a price is of, if it is paid for a user's call."""
    return next(part for part, begins in _PARTS if price.startswith(begins))


def of_parts(items: Iterable[Item], parts: Collection[Part]) -> list[Item]:
    """Return the items of some parts: the same bill with the others switched off."""
    return [item for item in items if item.part in parts]


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
