"""Figures that the paper prints, that AWS documents, and costs that the paper leaves out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.experiments.cost import COMMAND, HOLD_BILLED_MS, PINGED_MONTH
from lab.experiments.prices import PAPER, PINGS_PER_MONTH, TODAY, api_usd, paper_usd, servers
from warmlens.records import Record

NAME = "printed"
PAPERS, AWS, WITH_API = "paper", "AWS", "paper's prices, with a REST API"
FIGURES = (
    ("first_call_ms", "ms"),
    ("second_call_ms", "ms"),
    ("cold_start_ms", "ms"),
    ("whole_flow_below_ms", "ms"),
    ("making_five_ms", "ms"),
    ("five_users_within_ms", "ms"),
    ("largest_memory_used_mb", "MB"),
    ("zip_upload_mb", "MB"),
    ("unzipped_mb", "MB"),
    ("inline_edit_mb", "MB"),
    ("url_path_segments", "1"),
)
"""Figures of `paper.json` that claims are about, with their units."""

_AWS = json.loads((Path(__file__).parent / "aws.json").read_text(encoding="utf-8"))
PHONE_MEGAPIXELS, PHONE_PHOTO_MB = 12, 1.5
"""The size of a phone's photo, and that of the benches' JPEG of this size."""

_A_DAY, _DURATION_MS = 10_000, 500
"""Of Fig. 8."""


def records() -> Iterator[Record]:
    """Yield all printed and documented figures, and the costs that the paper leaves out."""
    for metric, unit in FIGURES:
        yield _record(PAPERS, metric, PAPER[metric], unit, {"source": "the paper"})
    for each in PAPER["printed_twice"]:
        for place, value in each["values"].items():
            about = {key: each[key] for key in ("where", "what", "right", "because")}
            yield _record(PAPERS, "printed_twice", value, each["unit"], {**about, "place": place})
    for metric, fact in _AWS["facts"].items():
        about = {"source": fact["source"], "read": fact["date"]}
        yield _record(AWS, metric, fact["value"], fact["unit"], about)
    yield _record(AWS, "usd_per_gb_s", TODAY["lambda_x86_per_gb_s"], "USD", {"on": TODAY.date})
    about = {"megapixels": PHONE_MEGAPIXELS, "source": "lab/bench/speed/photos.py"}
    yield _record("photo", "photo_mb", PHONE_PHOTO_MB, "MB", about, kind="computed")
    yield from _left_out()


def _left_out() -> Iterator[Record]:
    """Yield the paper's costs with a REST API's price, and the cost of a WAS that always runs.

    The API's price is today's: the paper names none.
    """
    memory_mb, api = PAPER["memory_mb"], api_usd("REST")
    a_day = _A_DAY * (paper_usd(memory_mb, _DURATION_MS) + api)
    yield _computed(WITH_API, "usd_per_day", a_day, {"requests_a_day": _A_DAY})
    pings = PINGS_PER_MONTH * PAPER["instances_kept"]
    a_month = pings * (paper_usd(memory_mb, HOLD_BILLED_MS) + api)
    about = {"instances": PAPER["instances_kept"], "duration_ms": HOLD_BILLED_MS}
    yield _computed(WITH_API, PINGED_MONTH, a_month, about)
    for server in servers():
        about = {"server": server.name}
        yield _computed("today", "server_usd_per_day", server.usd_per_hour * 24, about)


def _record(
    name: str, metric: str, value: float, unit: str, about: dict[str, Any], kind: str = "quoted"
) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit=unit,
        kind=kind,
        conditions=about,
        command=COMMAND,
        machine="",
        date=TODAY.date,
    )


def _computed(name: str, metric: str, value: float, about: dict[str, Any]) -> Record:
    return _record(name, metric, value, "USD", about, kind="computed")
