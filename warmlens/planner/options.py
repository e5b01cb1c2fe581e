"""Groups of command-line options shared by the commands of `warmlens plan`."""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from warmlens.command_line import AsJson as AsJson
from warmlens.command_line import PriceRegion
from warmlens.completion import memory_sizes
from warmlens.errors import WarmlensError
from warmlens.planner.assumptions import Assumptions, Clients, platform_of
from warmlens.planner.burst_fit import BusyTimes
from warmlens.planner.candidates import KINDS, MAX_PINGED, Candidate
from warmlens.planner.counted_profile import AtOnce
from warmlens.planner.distribution import lognormal
from warmlens.planner.photo import Api, PhotoBy, Way
from warmlens.planner.reported_times import Deployed
from warmlens.planner.scenario import (
    DAY_H,
    PAUSE_S,
    PAUSE_SIGMA,
    SCALING_PER_10_S,
    UPLOAD_S,
    UPLOAD_SIGMA,
    PerEnvironmentLimit,
    by_hour,
)
from warmlens.planner.service_times import (
    DEFAULT_INPUT_PX,
    DEFAULT_MEGAPIXELS,
    SERVICE_TIMES,
    X86_64,
    Measured,
)
from warmlens.planner.simulate import Backend
from warmlens.planner.speed_files import read_speed
from warmlens.planner.traffic import Bursts, Profile, Trace, constant_rate
from warmlens.planner.traffic_files import read_traffic
from warmlens.prices import DEFAULT_REGION, PriceList, read_prices

LONGEST_PLATFORM_S = 1.0
"""Lambda's own part of a cold start, rather too long, where bursts are told from cold starts."""
MODEL_BYTES = 23_827_369  # files of the default model, products-resnet50 1.1.0

PHOTO_KB = 300.0
BURST_SIZE = 10
COUNTED = ("ping", "ahead+ping", "provisioned")
"""Kinds of warming that keep a number of instances."""
BurstSize = Annotated[
    int | None,
    typer.Option("--burst-size", help=f"Users in a burst, within 0.1 s. Default: {BURST_SIZE}."),
]
BurstsPerHour = Annotated[
    float, typer.Option("--bursts-per-hour", help="Bursts of users in an hour; 0 for none.")
]
_SPEED_HELP = (
    "File of service times and cold starts: records of the laboratory, or Lambda's REPORT log "
    "lines. May be repeated. Default: the records that come with Warmlens."
)


@dataclass(frozen=True, kw_only=True)
class UserOptions:
    """The users of the service."""

    traffic: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with the columns hour,requests (UTC) or arrival_s, JSON output of "
            "aws cloudwatch, or a CSV export of the CloudWatch console."
        ),
    ] = None
    rps: Annotated[
        float | None, typer.Option(help="Users per second, all day, instead of --traffic.")
    ] = None
    time_zone: Annotated[
        str,
        typer.Option(help="Time zone of the CloudWatch console's export, such as Europe/Berlin."),
    ] = "UTC"
    concurrent: Annotated[
        Path | None,
        typer.Option(
            help="Export of ConcurrentExecutions (Maximum) to fit bursts to, for the periods of "
            "--traffic. Not needed if --traffic contains it."
        ),
    ] = None
    concurrent_pings: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_PINGED,
            help="Instances that a warmer pinged while the traffic was recorded.",
        ),
    ] = 0
    burst_size: BurstSize = None
    bursts_per_hour: Annotated[
        float | None,
        typer.Option(
            help="Bursts of users in an hour; 0 for none. Default: fitted to the traffic, or none."
        ),
    ] = None

    def read(self, measured: Sequence[Measured]) -> Profile | Trace:
        """Return the users.

        Args:
            measured: service times; bursts are fitted with the longest ones.

        Raises:
            WarmlensError: neither a rate nor a file is given, or both, or the file is not valid.
        """
        if (self.rps is None) == (self.traffic is None):
            raise WarmlensError("no_traffic", "give either --traffic FILE or --rps NUMBER")
        bursts = bursts_of(self.burst_size, self.bursts_per_hour or 0)
        if self.traffic is not None:
            times = BusyTimes(
                call_s=max(each.service.mean_s for each in measured),
                start_s=max(each.init.mean_s for each in measured) + LONGEST_PLATFORM_S,
            )
            at_once = AtOnce(
                file=self.concurrent,
                pinged=self.concurrent_pings,
                times=times,
                is_fitted=self.bursts_per_hour is None,
            )
            return read_traffic(self.traffic, bursts, at_once=at_once, zone=self._zone())
        for name, given in (
            ("concurrent", self.concurrent),
            ("concurrent-pings", self.concurrent_pings),
            ("time-zone", self.time_zone != "UTC"),
        ):
            if given:
                raise WarmlensError("no_traffic", f"--{name} goes with --traffic, not with --rps")
        assert self.rps is not None
        return constant_rate(self.rps, bursts)

    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.time_zone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            why = "give a name such as UTC or Europe/Berlin"
            raise WarmlensError("bad_time_zone", f"--time-zone {self.time_zone}: {why}") from None


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Prices, measured times and assumptions."""

    region: PriceRegion = DEFAULT_REGION
    prices: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of prices to use instead of, or in addition to, the region's."
        ),
    ] = None
    speed: Annotated[list[Path] | None, typer.Option(help=_SPEED_HELP)] = None
    report_store: Annotated[
        str, typer.Option(help="Model store of the function that wrote the REPORT lines.")
    ] = "s3"
    report_architecture: Annotated[
        str,
        typer.Option(
            help="Processor of the function that wrote the REPORT lines: x86_64 or arm64."
        ),
    ] = X86_64
    input_px: Annotated[
        int, typer.Option(help="Side of the model's input in the measurements, in pixels.")
    ] = DEFAULT_INPUT_PX
    megapixels: Annotated[
        float, typer.Option(help="Size of users' photos in the measurements, in megapixels.")
    ] = DEFAULT_MEGAPIXELS
    idle_min: Annotated[
        str, typer.Option(help="Minutes after which idle instances end, such as 10 or 5-30.")
    ] = "5-30"
    platform_ms: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=60_000,
            help="Lambda's own part of a cold start, in ms. Default: a published distribution.",
        ),
    ] = None
    clients: Annotated[
        Clients,
        typer.Option(
            help="Who calls: the page, which wakes an instance when it opens, or other API "
            "clients, whose uploads wake one."
        ),
    ] = Clients.PAGE
    pause_s: Annotated[
        float,
        typer.Option(
            min=0,
            max=3600,
            help="Median time from opening the page to the start of an upload, in s.",
        ),
    ] = PAUSE_S
    upload_s: Annotated[
        float, typer.Option(min=0, max=3600, help="Median time of an upload, in s.")
    ] = UPLOAD_S
    per_environment_limit: Annotated[
        PerEnvironmentLimit,
        typer.Option(
            help="How to apply Lambda's limit of 10 requests a second for each instance: to all "
            "instances together (account), or also to each one (environment)."
        ),
    ] = PerEnvironmentLimit.ACCOUNT
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=100_000, help="Concurrency limit of the account or function."),
    ] = 1000
    seed: Annotated[
        int,
        typer.Option(min=0, help="Seed of the random arrivals, times and lifetimes of instances."),
    ] = 1
    backend: Annotated[
        Backend,
        typer.Option(
            help="Run the simulation compiled (numba) or not (python). The figures are the same."
        ),
    ] = Backend.AUTO

    def price_list(self) -> PriceList:
        """Return the prices of the region."""
        return read_prices(self.region, self.prices)

    def measured(self) -> list[Measured]:
        """Return the measured memory sizes and model stores.

        Raises:
            WarmlensError: nothing fits, or a file is not there.
        """
        deployed = Deployed(model_store=self.report_store, architecture=self.report_architecture)
        return read_speed(
            self.speed or [SERVICE_TIMES],
            deployed,
            input_px=self.input_px,
            megapixels=self.megapixels,
        )

    def assumptions(self, scaling_per_10_s: int = SCALING_PER_10_S) -> Assumptions:
        """Return the assumptions.

        Raises:
            WarmlensError: the idle expiry is not valid.
        """
        shortest, _, longest = self.idle_min.partition("-")
        try:
            idle_s = float(shortest) * 60, float(longest or shortest) * 60
        except ValueError:
            why = f"--idle-min {self.idle_min}: give minutes such as 10 or 5-30"
            raise WarmlensError("bad_lives", why) from None
        return Assumptions(
            platform=platform_of(self.platform_ms),
            clients=self.clients,
            pause=lognormal(self.pause_s, PAUSE_SIGMA),
            upload=lognormal(self.upload_s, UPLOAD_SIGMA),
            per_environment_limit=self.per_environment_limit,
            concurrency=self.concurrency,
            scaling_per_10_s=scaling_per_10_s,
        ).with_idle_s(*idle_s)


@dataclass(frozen=True, kw_only=True)
class BillOptions:
    """The items of the bill of a photo."""

    api: Annotated[Api, typer.Option(help="Kind of API: REST, or HTTP, which has no web ACL.")] = (
        Api.REST
    )
    photo: Annotated[
        PhotoBy, typer.Option(help="How photos are sent: in the call, or uploaded to S3 first.")
    ] = PhotoBy.CALL
    photo_kb: Annotated[
        float, typer.Option(min=0.1, max=100_000, help="Size of a photo's file, in kilobytes.")
    ] = PHOTO_KB
    waf: Annotated[
        bool | None,
        typer.Option(
            "--waf/--no-waf",
            help="Count a web ACL. Default: yes with a REST API, no with an HTTP API.",
        ),
    ] = None
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="Count the logs of each call.")] = (
        True
    )
    tracing: Annotated[
        bool,
        typer.Option("--tracing/--no-tracing", help="Count traces, which only a REST API has."),
    ] = True
    free_tier: Annotated[
        bool,
        typer.Option(
            "--free-tier/--no-free-tier",
            help="Subtract AWS's permanent free tier, as if nothing else in the account used it.",
        ),
    ] = False

    def way(self, clients: Clients) -> Way:
        """Return the way of a photo.

        Args:
            clients: the page, whose calls come through CloudFront, or others.

        Raises:
            WarmlensError: the photo is too large for the call, or an HTTP API has a web ACL.
        """
        return Way(
            api=self.api,
            photo=self.photo,
            photo_bytes=round(self.photo_kb * 1000),
            page=clients is Clients.PAGE,
            waf=self.api is Api.REST if self.waf is None else self.waf,
            logs=self.logs,
            tracing=self.tracing,
        )


@dataclass(frozen=True, kw_only=True)
class DeploymentOptions:
    """One way to deploy."""

    warm: Annotated[
        str,
        typer.Option(
            help="Instances to keep warm: one number, or 24, one for each hour of the day."
        ),
    ] = "0"
    warming: Annotated[
        str | None,
        typer.Option(
            help="off, ahead, ping, ahead+ping, provisioned or snapstart. Default: ping if --warm "
            "is above 0, else off."
        ),
    ] = None
    hold_ms: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=20_000,
            help="Milliseconds that a ping holds an instance. Default: as the warmer chooses.",
        ),
    ] = None
    memory_mb: Annotated[
        int,
        typer.Option(help="Memory size, one that was measured.", autocompletion=memory_sizes),
    ] = 1769
    model_store: Annotated[str, typer.Option(help="Model store, one that was measured.")] = "image"
    architecture: Annotated[str, typer.Option(help="x86_64, or arm64 if it was measured.")] = X86_64
    scaling_per_10_s: Annotated[
        int, typer.Option(min=1, max=100_000, help="Maximum instances started within ten seconds.")
    ] = SCALING_PER_10_S

    def candidate(self, measured: Measured, concurrency: int) -> Candidate:
        """Return the deployment with measured times.

        Raises:
            WarmlensError: the kind of warming or the number of instances is not valid.
        """
        counts = self._counts()
        kind = self.warming or ("ping" if any(counts) else "off")
        counted = kind in COUNTED
        if kind not in KINDS or counted != any(counts):
            raise WarmlensError(
                "bad_warming",
                f"{kind} with --warm {self.warm}: give {', '.join(COUNTED)} with more than 0, or "
                f"{', '.join(each for each in KINDS if each not in COUNTED)} with 0",
            )
        most = MAX_PINGED if "ping" in kind else concurrency
        if max(counts) > most:
            limit = "a ping" if "ping" in kind else f"--concurrency {concurrency}"
            why = f"--warm {self.warm}: {limit} allows {most} at most"
            raise WarmlensError("bad_warm_instances", why)
        return Candidate(
            measured=measured, warming=kind, by_hour=counts, hold_ms=self._hold_ms(kind)
        )

    def _hold_ms(self, kind: str) -> int | None:
        if self.hold_ms is not None and "ping" not in kind:
            raise WarmlensError("bad_warming", f"--hold-ms holds pinged instances; {kind} has none")
        return self.hold_ms

    def _counts(self) -> tuple[int, ...]:
        parts = [part.strip() for part in self.warm.strip("() ").split(",")]
        numbers = all(re.fullmatch(r"[0-9]{1,6}", each) for each in parts)
        if len(parts) not in (1, DAY_H) or not numbers:
            why = f"--warm {self.warm}: give one number, or 24 with commas between them"
            raise WarmlensError("bad_warm_instances", why)
        return by_hour(int(parts[0])) if len(parts) == 1 else tuple(map(int, parts))


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command that takes groups of options: each field becomes an option."""
    own = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {
        each.name: each.annotation for each in own if dataclasses.is_dataclass(each.annotation)
    }

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            options = {each.name: given.pop(each.name) for each in dataclasses.fields(group)}
            given[name] = group(**options)
        command(**given)

    parameters = []
    for each in own:
        if each.name not in groups:
            parameters.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        hints = get_type_hints(each.annotation, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=hints[field.name],
            )
            for field in dataclasses.fields(each.annotation)
        ]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    return run


def bursts_of(size: int | None, per_hour: float) -> Bursts | None:
    """Return bursts of users; None at 0 an hour.

    Raises:
        WarmlensError: a number is out of range, or a size is given without bursts.
    """
    if per_hour:
        return Bursts(size=BURST_SIZE if size is None else size, per_hour=per_hour)
    if size is not None:
        raise WarmlensError("bad_burst", "--burst-size needs --bursts-per-hour, which is 0")
    return None
