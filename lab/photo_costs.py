"""The cost of a million photos, for each way and beside other services, as tables for the docs."""

from collections.abc import Iterator
from dataclasses import replace

from warmlens.planner.bill import less_free_tier, total_usd
from warmlens.planner.photo import Api, PhotoBy, Usage, Way, photo_items
from warmlens.planner.reported_times import Deployed
from warmlens.planner.servers import server_items
from warmlens.planner.service_times import OTHER_SHARE, SERVICE_TIMES, Measured, pick
from warmlens.planner.speed_files import read_speed
from warmlens.prices import read_prices

PHOTOS = 1_000_000
MEGAPIXELS, SHRUNK_MEGAPIXELS = 2.0, 0.3
MEMORY_MB = 1769
MEMORY_SIZES_MB = (512, 768, 1024, MEMORY_MB)
UTILIZATION = 0.3
FARGATE_GB = 2.0
PRICES = read_prices()

CLOUDFLARE_NEURONS_PER_PHOTO, CLOUDFLARE_USD_PER_NEURON = 228_055 / 1e6, 0.011 / 1000
CLOUDFLARE_FREE_NEURONS = 10_000 * 30
"""developers.cloudflare.com/workers-ai/platform/pricing, by cloudflare-docs pull request 20180 and
the page of 2026-09: `@cf/microsoft/resnet-50`, $2.51 per million images."""
REKOGNITION_USD_PER_PHOTO = 0.001
"""DetectLabels, the first million a month: docs.aws.amazon.com/solutions, Dynamic Image
Transformation for Amazon CloudFront, "Cost considerations", by a copy read on 2026-11-30."""

WAYS = {
    "REST API, photo in the call": Way(page=False, waf=False),
    "REST API, upload": Way(photo=PhotoBy.UPLOAD, page=False, waf=False),
    "HTTP API, photo in the call": Way(api=Api.HTTP, page=False, waf=False),
    "HTTP API, upload": Way(api=Api.HTTP, photo=PhotoBy.UPLOAD, page=False, waf=False),
}


def measured(memory_mb: int = MEMORY_MB, megapixels: float = MEGAPIXELS) -> Measured:
    """Return the times that the tables are of."""
    deployed = Deployed(model_store="image", architecture="x86_64")
    times = read_speed([SERVICE_TIMES], deployed, input_px=128, megapixels=megapixels)
    return pick(times, memory_mb, "image", "x86_64")


def million(memory_mb: int = MEMORY_MB, megapixels: float = MEGAPIXELS) -> Usage:
    """Return what a million warm calls use; each is rounded up to a millisecond."""
    billed_s = measured(memory_mb, megapixels).service.mean_s + 0.0005
    return Usage(photos=PHOTOS, gb_s=PHOTOS * billed_s * memory_mb / 1024)


def usd_per_million(
    way: Way,
    *,
    free: bool = False,
    memory_mb: int = MEMORY_MB,
    megapixels: float = MEGAPIXELS,
) -> float:
    """Return the cost of a million photos in a month."""
    items = photo_items(million(memory_mb, megapixels), way, PRICES)
    return total_usd(less_free_tier(items, PRICES) if free else items)


def ways_table() -> str:
    """Return the table of ways and other services."""
    lines = [
        "| | USD | less the free tier | with a web ACL | and by the page |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, way in WAYS.items():
        acl = way.api is Api.REST
        cells = [
            f"{usd_per_million(way):.2f}",
            f"{usd_per_million(way, free=True):.2f}",
            f"{usd_per_million(replace(way, waf=True)):.2f}" if acl else "none",
            f"{usd_per_million(replace(way, waf=acl, page=True)):.2f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [f"| {name} | {usd:.2f} | {free:.2f} | | |" for name, usd, free in others()]
    return "\n".join(lines)


def others() -> Iterator[tuple[str, float, float]]:
    """Yield other services: the cost of a million, and the same less what is free."""
    neurons = PHOTOS * CLOUDFLARE_NEURONS_PER_PHOTO
    left = max(0.0, neurons - CLOUDFLARE_FREE_NEURONS)
    usd = CLOUDFLARE_USD_PER_NEURON
    yield "Cloudflare Workers AI, ResNet-50", neurons * usd, left * usd
    rekognition = PHOTOS * REKOGNITION_USD_PER_PHOTO
    yield "Rekognition, DetectLabels", rekognition, rekognition
    for name, usd_per_h, vcpus in servers():
        cost = usd_per_h / vcpus / photos_per_h() * PHOTOS
        yield f"{name}, busy {UTILIZATION:.0%} of its time", cost, cost


def servers() -> Iterator[tuple[str, float, int]]:
    """Yield servers with USD an hour and number of processors."""
    fargate = PRICES["fargate_x86_per_vcpu_h"] + FARGATE_GB * PRICES["fargate_x86_per_gb_h"]
    yield "Fargate, 1 vCPU and 2 GB", fargate, 1
    yield "EC2 c7i.large", PRICES["ec2_c7i_large_per_h"], 2


def photos_per_h() -> float:
    """Return the photos that one processor classifies in an hour, at the stated utilization."""
    return 3600 * UTILIZATION / measured().service.mean_s


def items_table() -> str:
    """Return the table of the items of each way."""
    bills = [
        {each.name: each.usd for each in photo_items(million(), way, PRICES)}
        for way in WAYS.values()
    ]
    names = dict.fromkeys(name for bill in reversed(bills) for name in bill)
    lines = [f"| | {' | '.join(WAYS)} |", f"| --- |{' ---: |' * len(WAYS)}"]
    for name in names:
        cells = (f"{bill[name]:.2f}" if name in bill else "" for bill in bills)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, f"| *all* | {' | '.join(f'{sum(b.values()):.2f}' for b in bills)} |"])


def memory_table() -> str:
    """Return the table of memory sizes, for photos in the call."""
    ways = [WAYS[f"{api} API, photo in the call"] for api in ("REST", "HTTP")]
    other = any(OTHER_SHARE in measured(memory_mb).source for memory_mb in MEMORY_SIZES_MB)
    lines = [
        *([f"Times below 1,769 MB were measured {OTHER_SHARE}.", ""] if other else []),
        "| memory, MB | time, ms | REST, 0.3 MP | HTTP, 0.3 MP | REST, 2 MP | HTTP, 2 MP |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for memory_mb in MEMORY_SIZES_MB:
        time_ms = measured(memory_mb, SHRUNK_MEGAPIXELS).service.mean_s * 1000
        cells = (
            f"{usd_per_million(way, memory_mb=memory_mb, megapixels=megapixels):.2f}"
            for megapixels in (SHRUNK_MEGAPIXELS, MEGAPIXELS)
            for way in ways
        )
        lines.append(f"| {memory_mb} | {time_ms:.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def break_even_table() -> str:
    """Return the table of photos a day at which one server costs the same as a way."""
    names = {"Fargate": 1, "EC2 c7i.large": 2}
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for name, way in WAYS.items():
        cells = (f"{_break_even(way, server, vcpus):,.0f}" for server, vcpus in names.items())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    at_most = (f"{photos_per_h() * 24 * vcpus:,.0f}" for vcpus in names.values())
    return "\n".join([*lines, f"| *it serves, busy {UTILIZATION:.0%}* | {' | '.join(at_most)} |"])


def _break_even(way: Way, server: str, vcpus: int) -> float:
    fixed = total_usd(server_items(server, vcpus, 0, PRICES, way))
    growing = total_usd(server_items(server, vcpus, PHOTOS, PRICES, way)) - fixed
    return fixed / (usd_per_million(way) - growing) * PHOTOS / 30


def at_rest_sentence() -> str:
    """Return the paragraph of docs/deploy.md on what a million photos cost."""
    in_call, upload, http = (
        f"${usd_per_million(WAYS[name]):.2f}"
        for name in (
            "REST API, photo in the call",
            "REST API, upload",
            "HTTP API, photo in the call",
        )
    )
    lines = [
        f"A million photos in the call cost {in_call} beside it, uploaded ones {upload}, and by an",
        f"HTTP API in the call {http}: [item by item](choices.md#which-way-a-photo-takes).",
    ]
    return "\n".join(lines)
