"""The cost of a million photos, for each way and beside other services, as tables for the docs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lab.markdown import measured_by, wrapped
from warmlens.planner.at_rest import at_rest, at_rest_items
from warmlens.planner.bill import (
    Item,
    Part,
    less_free_tier,
    of_parts,
    scaled,
    total_usd,
)
from warmlens.planner.photo import Api, PhotoBy, Usage, Way, photo_items
from warmlens.planner.reported_times import Deployed
from warmlens.planner.servers import server_items
from warmlens.planner.service_times import (
    DEFAULT_INPUT_PX,
    OTHER_SHARE,
    SERVICE_TIMES,
    WARM,
    Measured,
    pick,
)
from warmlens.planner.speed_files import read_speed
from warmlens.prices import PriceList, read_prices
from warmlens.records import Record, read_records
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

PHOTOS = 1_000_000
MEGAPIXELS, SHRUNK_MEGAPIXELS = 2.0, 0.3
MEMORY_MB = MEMORY_MB_PER_VCPU
MEMORY_SIZES_MB = (512, 768, 1024, MEMORY_MB)
LARGEST_MB = 3008
"""The most that a new account may set (AWS Lambda developer guide)."""
UTILIZATION = 0.3
SERVERS = {"Fargate": 1, "EC2 c7i.large": 2}
"""Servers that are compared, with their vCPUs."""
LAMBDA_ALONE = frozenset({Part.FUNCTION})
"""The parts that the paper compares with a server: Lambda's calls and their time alone."""
FARGATE_GB = 2.0
PRICES = read_prices()
REGIONS = {"us-east-1": "N. Virginia", "eu-west-1": "Ireland", "ap-northeast-2": "Seoul"}

CLOUDFLARE_NEURONS_PER_PHOTO, CLOUDFLARE_USD_PER_NEURON = 228_055 / 1e6, 0.011 / 1000
CLOUDFLARE_FREE_NEURONS = 10_000 * 30
"""developers.cloudflare.com/workers-ai/platform/pricing, by cloudflare-docs pull request 20180 and
the page of 2026-09: `@cf/microsoft/resnet-50`, $2.51 per million images."""
REKOGNITION_USD_PER_PHOTO = 0.001
"""DetectLabels, the first million a month: docs.aws.amazon.com/solutions, Dynamic Image
Transformation for Amazon CloudFront, "Cost considerations", by a copy read on 2026-11-30."""

IN_CALL = Way(page=False, waf=False)
UPLOAD = replace(IN_CALL, photo=PhotoBy.UPLOAD)
HTTP_IN_CALL = replace(IN_CALL, api=Api.HTTP)
WAYS = {
    "REST API, photo in the call": IN_CALL,
    "REST API, upload": UPLOAD,
    "HTTP API, photo in the call": HTTP_IN_CALL,
    "HTTP API, upload": replace(UPLOAD, api=Api.HTTP),
}


def measured(memory_mb: int = MEMORY_MB, megapixels: float = MEGAPIXELS) -> Measured:
    """Return the times that the tables are of."""
    deployed = Deployed(model_store="image", architecture="x86_64")
    times = read_speed([SERVICE_TIMES], deployed, input_px=DEFAULT_INPUT_PX, megapixels=megapixels)
    return pick(times, memory_mb, "image", "x86_64")


def warm_calls(memory_mb: Sequence[int], megapixels: Sequence[float]) -> list[Record]:
    """Return the records of warm calls that the tables are of."""
    return [
        each
        for each in read_records(SERVICE_TIMES.read_text(encoding="utf-8"))
        if each.metric == WARM
        and each.conditions["input_px"] == DEFAULT_INPUT_PX
        and each.conditions["memory_mb"] in memory_mb
        and each.conditions["megapixels"] in megapixels
    ]


def times_lead(memory_mb: Sequence[int] = (MEMORY_MB,), *megapixels: float) -> str:
    """Return the paragraph on how the calls of a table were timed: machine, date and count."""
    shown = warm_calls(memory_mb, megapixels or (MEGAPIXELS,))
    (calls,) = {each.samples for each in shown}
    return f"{measured_by(shown)}: {calls} warm calls of each size.\n"


def mean_s(memory_mb: int = MEMORY_MB, megapixels: float = MEGAPIXELS) -> float:
    """Return the mean time of the measured calls; the planner draws calls with a longer one."""
    (record,) = warm_calls([memory_mb], [megapixels])
    assert record.mean is not None
    return record.mean / 1000


def million(memory_mb: int = MEMORY_MB, megapixels: float = MEGAPIXELS) -> Usage:
    """Return what a million warm calls use; each is rounded up to a millisecond."""
    billed_s = mean_s(memory_mb, megapixels) + 0.0005
    return Usage(photos=PHOTOS, gb_s=PHOTOS * billed_s * memory_mb / 1024)


def usd_per_million(
    way: Way,
    *,
    free: bool = False,
    memory_mb: int = MEMORY_MB,
    megapixels: float = MEGAPIXELS,
    prices: PriceList = PRICES,
) -> float:
    """Return the cost of a million photos in a month."""
    items = photo_items(million(memory_mb, megapixels), way, prices)
    return total_usd(less_free_tier(items, prices) if free else items)


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
    return "\n".join([times_lead(), *lines])


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
    return 3600 * UTILIZATION / mean_s()


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
    return "\n".join(
        [times_lead(), *lines, f"| *all* | {' | '.join(f'{sum(b.values()):.2f}' for b in bills)} |"]
    )


def memory_table() -> str:
    """Return the table of memory sizes, for photos in the call."""
    other = any(OTHER_SHARE in measured(memory_mb).source for memory_mb in MEMORY_SIZES_MB)
    lines = [
        *([f"Times up to 1,769 MB were measured {OTHER_SHARE}.", ""] if other else []),
        "| memory, MB | mean time of 0.3 MP, ms | REST, 0.3 MP "
        "| HTTP, 0.3 MP | REST, 2 MP | HTTP, 2 MP |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for memory_mb in MEMORY_SIZES_MB:
        time_ms = mean_s(memory_mb, SHRUNK_MEGAPIXELS) * 1000
        cells = (
            f"{usd_per_million(way, memory_mb=memory_mb, megapixels=megapixels):.2f}"
            for megapixels in (SHRUNK_MEGAPIXELS, MEGAPIXELS)
            for way in (IN_CALL, HTTP_IN_CALL)
        )
        lines.append(f"| {memory_mb} | {time_ms:.1f} | {' | '.join(cells)} |")
    return "\n".join([times_lead(MEMORY_SIZES_MB, SHRUNK_MEGAPIXELS, MEGAPIXELS), *lines])


def break_even_table() -> str:
    """Return the table of photos a day at which one server costs the same as a way."""
    names = [f"{name}{by}" for by in ("", ", by the page") for name in SERVERS]
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for name, way in WAYS.items():
        by_page = replace(way, page=True, waf=way.api is Api.REST)
        cells = (
            f"{break_even(each, server):,.0f}" for each in (way, by_page) for server in SERVERS
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    alone = (f"{lambda_alone(server):,.0f}" for server in SERVERS)
    lines.append(f"| *Lambda's calls and time alone, no load balancer* | {' | '.join(alone)} | | |")
    at_most = (f"{photos_per_h() * 24 * vcpus:,.0f}" for vcpus in SERVERS.values())
    lines.append(f"| *it serves, busy {UTILIZATION:.0%}* | {' | '.join(at_most)} | | |")
    return "\n".join([times_lead(), *lines])


def break_even(
    way: Way, server: str, *, prices: PriceList = PRICES, usage: Usage | None = None
) -> float:
    """Return the photos a day from which the whole bill of a way is higher than that of a server.

    Whole: each item of a photo, and the web ACL's fixed costs; monitoring is on neither side.

    Args:
        way: the way.
        server: one of `SERVERS`, as many as work for one.
        prices: the prices.
        usage: the usage of a million photos; by default that of the shipped model's warm calls.
    """
    bill = photo_items(usage or million(), way, prices) + _acl_items(way, prices)
    return _a_day(bill, server_items(server, SERVERS[server], PHOTOS, prices, way))


def lambda_alone(server: str) -> float:
    """Return the photos a day from which Lambda's calls and time cost more than a server's."""
    machines = server_items(server, SERVERS[server], PHOTOS, PRICES, IN_CALL)
    return _a_day(
        of_parts(photo_items(million(), IN_CALL, PRICES), LAMBDA_ALONE),
        [item for item in machines if item.part is Part.SERVERS and "balancer" not in item.name],
    )


def _acl_items(way: Way, prices: PriceList) -> list[Item]:
    return of_parts(at_rest_items(at_rest(way, warmer=False), prices), [Part.WEB_ACL])


def _a_day(bill: list[Item], servers: list[Item]) -> float:
    photos = equal_photos(bill, servers, PHOTOS)
    return float("inf") if photos is None else photos / 30


def equal_photos(bill: Iterable[Item], servers: Iterable[Item], photos: float) -> float | None:
    """Return the number of photos for which two bills are equal, exactly.

    Args:
        bill: a bill of that many photos.
        servers: another bill of as many.
        photos: the number.

    Returns:
        The number of photos from which the first bill is the higher one; None if it never is.
    """
    bills = tuple(bill), tuple(servers)
    fixed = [total_usd(scaled(items, 0.0)) for items in bills]
    growing = [total_usd(items) - at_rest for items, at_rest in zip(bills, fixed, strict=True)]
    each = (growing[0] - growing[1]) / photos
    return (fixed[1] - fixed[0]) / each if each > 0 else None


def regions_table() -> str:
    """Return the table of what photos cost in each region, and of the break-even."""
    lists = [read_prices(region) for region in REGIONS]
    names = [f"{region}, {place}" for region, place in REGIONS.items()]
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for name, way in WAYS.items():
        cells = (f"{usd_per_million(way, prices=prices):.2f}" for prices in lists)
        lines.append(f"| a million photos, USD: {name} | {' | '.join(cells)} |")
    whole = Way()
    cells = (f"{usd_per_million(whole, prices=prices):.2f}" for prices in lists)
    lines.append(
        f"| the same by the page, with a web ACL: photo in the call | {' | '.join(cells)} |"
    )
    for server in SERVERS:
        cells = (f"{break_even(IN_CALL, server, prices=prices):,.0f}" for prices in lists)
        lines.append(f"| photos a day at which one {server} costs the same | {' | '.join(cells)} |")
    return "\n".join([times_lead(), *lines])


def region_prices_table() -> str:
    """Return the table of the prices that are not the same in all regions."""
    lists = [read_prices(region) for region in REGIONS]
    lines = [f"| price | {' | '.join(REGIONS)} |", f"| --- |{' ---: |' * len(REGIONS)}"]
    for name in PRICES.prices:
        values = [prices.prices.get(name) for prices in lists]
        if len(set(values)) == 1:
            continue
        low = any(value is not None and value < 0.001 for value in values)
        scale, unit = (1e6, ", for a million") if low else (1, "")
        cells = ("missing" if each is None else f"{each * scale:.5g}" for each in values)
        lines.append(f"| `{name}`{unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def time_sentence() -> str:
    """Return what the interval of the mean time changes; of a tenth, where there is none."""
    each, share = million(), measured().service_half_share
    within = 0.1 if share is None else share
    low, high = (
        break_even(IN_CALL, "Fargate", usage=replace(each, gb_s=each.gb_s * factor))
        for factor in (1 + within, 1 - within)
    )
    if share is None:
        lead = "The records of these times have no interval of the mean. With a mean that is a "
        lead += "tenth longer or shorter,"
    else:
        lead = (
            f"The mean time has a 95 % interval of {100 * share:.1f} % to both sides. At its ends,"
        )
    return wrapped(f"{lead} the first figure is {low:,.0f} or {high:,.0f}.")


def larger_sentence() -> str:
    """Return what more memory than that of one processor changes for a call."""
    one, most = measured(), measured(LARGEST_MB)
    more = million(LARGEST_MB).gb_s / million().gb_s
    return wrapped(
        f"At {LARGEST_MB:,} MB a call takes {most.warm_ms:.1f} ms instead of {one.warm_ms:.1f} "
        f"(medians), and its time costs {more:.1f} times as much."
    )


def containers_sentence() -> str:
    """Return the paragraph of docs/comparison.md on when a container costs less."""
    by_page = break_even(Way(), "Fargate")
    return wrapped(
        "This compares the whole bills: a load balancer on one side; API Gateway, logs and answers "
        "on the other. One task of 1 vCPU and 2 GB costs less above "
        f"{_round(break_even(IN_CALL, 'Fargate'))} photos a day, if it can serve them and "
        "programs send them in calls of a REST API. With the page and its web ACL, the limit is "
        f"{_round(by_page)} photos a day; with an HTTP API, "
        f"{_round(break_even(HTTP_IN_CALL, 'Fargate'))} ([the table, with its "
        "assumptions](choices.md#how-photos-are-sent)). Counting only Lambda's calls and time, "
        f"as the paper does, it is {_round(lambda_alone('Fargate'))}."
    )


def _round(photos: float) -> str:
    """Return a number to two digits, as a sentence has it."""
    return f"{float(f'{photos:.2g}'):,.0f}"


def at_rest_sentence() -> str:
    """Return the paragraph of docs/deploy.md on what a million photos cost."""
    in_call, upload, http = (
        f"${usd_per_million(way):.2f}" for way in (IN_CALL, UPLOAD, HTTP_IN_CALL)
    )
    return wrapped(
        f"In addition, a million photos cost {in_call} in the call and {upload} uploaded, and with "
        f"an HTTP API {http} in the call ([item by item](choices.md#how-photos-are-sent))."
    )
