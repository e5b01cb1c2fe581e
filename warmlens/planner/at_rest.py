"""The fixed costs of an environment: those of a month with any number of photos."""

from dataclasses import dataclass, replace

from warmlens.planner.bill import Item, priced
from warmlens.planner.photo import Way
from warmlens.prices import PriceList

WEB_ACL_RULES = 5
OWN_METRICS, WARMER_METRICS = 9, 5
"""Of the classifier and the uploads function, and of the warmer, in hours with calls."""
ALARMS, DASHBOARDS = 15, 1


@dataclass(frozen=True, kw_only=True)
class AtRest:
    """An environment's parts that are paid by the month; a test counts them in the templates.

    Attributes:
        web_acl_rules: rules of the web ACL; 0: there is none.
        metrics: own metrics.
        alarms: alarms.
        dashboards: dashboards.
        image_gb: size of container images.
        stored_gb: size of models and of the page's files in S3.
    """

    web_acl_rules: int = 0
    metrics: int = OWN_METRICS
    alarms: int = ALARMS
    dashboards: int = DASHBOARDS
    image_gb: float = 0.0
    stored_gb: float = 0.0


def at_rest(way: Way, *, warmer: bool) -> AtRest:
    """Return the parts of an environment with a way of photos, without its storage.

    Args:
        way: the way.
        warmer: whether it has a warmer.
    """
    return AtRest(
        web_acl_rules=WEB_ACL_RULES if way.waf else 0,
        metrics=OWN_METRICS + WARMER_METRICS * warmer,
    )


def at_rest_items(what: AtRest, prices: PriceList) -> list[Item]:
    """Return a month's fixed costs, item by item.

    Raises:
        WarmlensError: a price is missing.
    """
    lines = [
        ("web ACL", float(what.web_acl_rules > 0), "lists", "waf_acl_per_month"),
        ("web ACL's rules", what.web_acl_rules, "rules", "waf_rule_per_month"),
        ("own metrics", what.metrics, "metrics", "metric_per_month"),
        ("alarms", what.alarms, "alarms", "alarm_per_month"),
        ("dashboard", what.dashboards, "dashboards", "dashboard_per_month"),
        ("container images", what.image_gb, "GB-month", "ecr_per_gb_month"),
        ("models and the page", what.stored_gb, "GB-month", "s3_per_gb_month"),
    ]
    return [replace(priced(prices, *line), fixed=True) for line in lines if line[1]]
