"""The configuration of the page and the documents that it links to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.constructs.paths import API_PAGE, MODEL_ARTIFACTS
from stacks.prices import DEFAULT_REGION, SHORT, RegionPrices
from stacks.settings import Settings


def page_configuration(settings: Settings) -> dict[str, Any]:
    """Return the page's configuration, except for the model; the local cloud has the same.

    `prices` are those of a call on demand, in USD: `call_usd` for the request to Lambda and the API
    call, `ms_usd` for a millisecond of the function, whose init is billed like a call
    (aws.amazon.com/lambda/pricing, since August 2025).

    Args:
        settings: settings of the environment.
    """
    region = settings.region or DEFAULT_REGION
    prices = RegionPrices(region)
    gb_s_usd = prices[f"lambda_{SHORT[settings.architecture]}_per_gb_s"]
    return {
        "auth": settings.auth,
        "wake_ahead": settings.wakes_ahead,
        "max_in_request_bytes": settings.page_max_in_request_bytes,
        "max_image_bytes": settings.max_image_bytes,
        "max_image_pixels": settings.max_image_pixels,
        "max_decode_ms": settings.max_decode_ms,
        "daily_quota": settings.daily_quota,
        "requests_per_5_min": settings.waf_requests_per_5_min if settings.waf else None,
        "prices": {
            "region": prices.source,
            "memory_mb": settings.memory_mb,
            "call_usd": prices["lambda_per_request"] + prices[f"{settings.api}_api_per_request"],
            "ms_usd": gb_s_usd * settings.memory_mb / 1024 / 1000,
        },
    }


def page_documents() -> Mapping[str, Path]:
    """Return the API's page and the cards of this checkout's models, by their names on the page."""
    cards = sorted(MODEL_ARTIFACTS.glob("*/*/README.md"))
    named = {f"cards/{each.parts[-3]}-{each.parts[-2]}.txt": each for each in cards}
    return {"api.txt": API_PAGE, **named}
