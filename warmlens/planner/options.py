"""Options that the commands of `warmlens plan` share, and what is made of them."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from warmlens.command_line import AsJson as AsJson
from warmlens.completion import memory_sizes
from warmlens.errors import WarmlensError
from warmlens.planner.candidates import MAX_PINGED, Assumptions, Candidate
from warmlens.planner.scenario import DAY_H, SCALING_PER_10_S, InstanceLifetimes, by_hour
from warmlens.planner.service_times import SERVICE_TIMES, Measured, read_measured
from warmlens.planner.simulate import Backend
from warmlens.planner.traffic import Bursts, Profile, Trace, constant_rate
from warmlens.planner.traffic_files import read_traffic

MODEL_BYTES = 23_827_191  # files of the default model, products-resnet50 1.0.0

Region = Annotated[str, typer.Option(help="AWS region, whose prices are taken.")]
PricesFile = Annotated[
    Path | None,
    typer.Option(
        "--prices", help="A JSON file of prices that replace the region's or add to them."
    ),
]
Speed = Annotated[
    list[Path] | None,
    typer.Option(
        "--speed",
        help="File of measured service times and cold starts; may be repeated. "
        "Default: those that come with Warmlens.",
    ),
]
InputPx = Annotated[int, typer.Option(help="Side of the model's input in those records.")]
Megapixels = Annotated[float, typer.Option(help="Size of users' photos in those records.")]
IdleMin = Annotated[
    str, typer.Option("--idle-min", help="Idle expiry of instances in minutes, 10 or 5-30.")
]
PlatformMs = Annotated[
    int,
    typer.Option(
        "--platform-ms",
        min=0,
        max=60_000,
        help="Time of a cold start before the process starts; Lambda's own, not measured here.",
    ),
]
Concurrency = Annotated[
    int, typer.Option(min=1, max=100_000, help="Most calls at once: the account's or function's.")
]
BurstSize = Annotated[
    int, typer.Option("--burst-size", help="Users who come within a tenth of a second.")
]
BurstsPerHour = Annotated[
    float, typer.Option("--bursts-per-hour", help="How often they come; 0: never.")
]
Seed = Annotated[int, typer.Option(min=0, help="Draws arrivals, times and instances' lifetimes.")]
BackendOption = Annotated[
    Backend, typer.Option("--backend", help="What computes; the figures are the same.")
]

TrafficFile = Annotated[
    Path | None,
    typer.Option(
        "--traffic",
        help="CSV with the columns hour,requests (UTC) or arrival_s, or CloudWatch's JSON.",
    ),
]
Rps = Annotated[float | None, typer.Option(help="Users a second, all day, instead of --traffic.")]
Warm = Annotated[
    str, typer.Option(help="Instances to keep warm: one number, or 24 for the hours of the day.")
]
Warming = Annotated[
    str | None, typer.Option(help="off, ping or provisioned; ping where --warm is above 0.")
]
HoldMs = Annotated[int, typer.Option("--hold-ms", min=0, max=20_000, help="warming_hold_ms.")]
MemoryMb = Annotated[
    int,
    typer.Option(
        "--memory-mb", help="A memory size that was measured.", autocompletion=memory_sizes
    ),
]
Architecture = Annotated[str, typer.Option(help="x86_64 or arm64, if that was measured.")]
Store = Annotated[str, typer.Option("--model-store", help="One that was measured with it.")]
Scaling = Annotated[
    int,
    typer.Option(
        "--scaling-per-10-s", min=1, max=100_000, help="Most instances started in ten seconds."
    ),
]

IDLE_MIN = "5-30"
CONCURRENCY = 1000


def users_of(
    rps: float | None, traffic: Path | None, burst_size: int, bursts_per_hour: float
) -> Profile | Trace:
    """Return the users that the options name.

    Raises:
        WarmlensError: neither a rate nor a file, both, or one that is refused.
    """
    if (rps is None) == (traffic is None):
        raise WarmlensError("no_traffic", "give the users: either --traffic FILE or --rps NUMBER")
    bursts = bursts_of(burst_size, bursts_per_hour)
    if traffic is not None:
        return read_traffic(traffic, bursts)
    assert rps is not None
    return constant_rate(rps, bursts)


def candidate_of(
    measured: Measured, warming: str | None, warm: str, hold_ms: int, concurrency: int
) -> Candidate:
    """Return the one way to deploy that the options name.

    Raises:
        WarmlensError: the kind of warming or the number of instances is none.
    """
    counts = _counts(warm)
    kind = warming or ("ping" if any(counts) else "off")
    if kind not in ("off", "ping", "provisioned") or (kind == "off") == any(counts):
        raise WarmlensError(
            "bad_warming",
            f"warming {kind} with --warm {warm}: off with 0, ping or provisioned with more",
        )
    most = MAX_PINGED if kind == "ping" else concurrency
    if max(counts) > most:
        limit = "a ping" if kind == "ping" else f"--concurrency {concurrency}"
        raise WarmlensError("bad_warm_instances", f"--warm {warm}: {limit} allows {most} at most")
    return Candidate(
        measured=measured,
        warming=kind,
        by_hour=counts,
        hold_ms=hold_ms if kind == "ping" else 0,
    )


def _counts(warm: str) -> tuple[int, ...]:
    parts = [part.strip() for part in warm.strip("() ").split(",")]
    if len(parts) not in (1, DAY_H) or not all(re.fullmatch(r"[0-9]{1,6}", each) for each in parts):
        raise WarmlensError(
            "bad_warm_instances",
            f"--warm {warm}: give one number of instances, or 24 with commas between them",
        )
    return by_hour(int(parts[0])) if len(parts) == 1 else tuple(map(int, parts))


def bursts_of(size: int, per_hour: float) -> Bursts | None:
    """Return the bursts that the options ask for; none at 0 an hour.

    Raises:
        WarmlensError: a number is out of range.
    """
    return None if per_hour == 0 else Bursts(size=size, per_hour=per_hour)


def assumptions_of(
    idle_min: str, platform_ms: int, concurrency: int, scaling_per_10_s: int = SCALING_PER_10_S
) -> Assumptions:
    """Return what the options assume.

    Raises:
        WarmlensError: the idle expiry is none.
    """
    lifetimes = lifetimes_of(idle_min, InstanceLifetimes())
    return Assumptions(
        lifetimes=lifetimes,
        platform_ms=platform_ms,
        concurrency=concurrency,
        scaling_per_10_s=scaling_per_10_s,
    )


def measured_of(speed: list[Path] | None, input_px: int, megapixels: float) -> list[Measured]:
    """Return what was measured.

    Raises:
        WarmlensError: nothing that fits, or a file is not there.
    """
    return read_measured(speed or [SERVICE_TIMES], input_px=input_px, megapixels=megapixels)


def lifetimes_of(text: str, base: InstanceLifetimes) -> InstanceLifetimes:
    """Read an idle expiry such as `10` or `5-30`, in minutes.

    Raises:
        WarmlensError: it is neither.
    """
    shortest, _, longest = text.partition("-")
    try:
        low_s, high_s = float(shortest) * 60, float(longest or shortest) * 60
    except ValueError:
        raise WarmlensError("bad_lives", f"{text!r}: give minutes such as 10, or 5-30") from None
    return replace(base, shortest_idle_s=low_s, longest_idle_s=high_s)
