"""Options that the commands of `warmlens plan` share, and what is made of them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from warmlens.models.errors import ModelError
from warmlens.models.manifest import read_manifest
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.planner.advice import lives_from_minutes
from warmlens.planner.candidates import Assumptions
from warmlens.planner.errors import PlanError
from warmlens.planner.model import Lives
from warmlens.planner.service_times import SPEED_RECORDS, Measured, read_measured
from warmlens.planner.simulate import Engine
from warmlens.planner.traffic import Bursts

MODEL = MODEL_ARTIFACTS / "products-resnet50" / "1.0.0"

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
        help="What bench cold and bench warm printed; may be repeated. "
        "docs/records/speed.jsonl unless given.",
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
Seed = Annotated[int, typer.Option(min=0, help="Draws arrivals, times and instances' lives.")]
EngineOption = Annotated[
    Engine, typer.Option("--engine", help="What computes; the figures are the same.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

IDLE_MIN = "5-30"
CONCURRENCY = 1000


def bursts_of(size: int, per_hour: float) -> Bursts | None:
    """Return the bursts that the options ask for; none at 0 an hour.

    Raises:
        PlanError: a number is out of range.
    """
    return None if per_hour == 0 else Bursts(size=size, per_hour=per_hour)


def assumptions_of(idle_min: str, platform_ms: int, concurrency: int) -> Assumptions:
    """Return what the options assume.

    Raises:
        PlanError: the idle expiry is none.
    """
    lives = lives_from_minutes(idle_min, Lives())
    return replace(Assumptions(), lives=lives, platform_ms=platform_ms, concurrency=concurrency)


def measured_of(speed: list[Path] | None, input_px: int, megapixels: float) -> list[Measured]:
    """Return what was measured.

    Raises:
        PlanError: nothing that fits, or a file is not there.
    """
    return read_measured(speed or [SPEED_RECORDS], input_px=input_px, megapixels=megapixels)


def model_bytes() -> int:
    """Return the size of the default model's files.

    Raises:
        PlanError: the model is not there.
    """
    try:
        return read_manifest(MODEL).files.bytes
    except ModelError as error:
        raise PlanError("no_model", f"{MODEL}: {error}") from None
