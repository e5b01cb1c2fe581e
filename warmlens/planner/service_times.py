"""Measured service times and cold starts for each memory size and model store."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.planner.distribution import Distribution
from warmlens.records import QUICK, Record, architecture_of, read_records
from warmlens.runtime.isolation import PERIOD_MS
from warmlens.text_files import read_text

SERVICE_TIMES = Path(__file__).with_suffix(".jsonl")
DEFAULT_INPUT_PX = 128  # that of the model in the settings
DEFAULT_MEGAPIXELS = 2.0
X86_64 = "x86_64"
_NUMBER: tuple[type, ...] = (int, float)
_CASE: dict[str, tuple[type, ...]] = {"memory_mb": (int,), "input_px": (int,)}
BENCH = "python -m lab bench cold and bench warm"
WARM, COLD = "warm_ms", "cold_start_ms"
CONDITIONS: dict[str, dict[str, tuple[type, ...]]] = {
    WARM: _CASE | {"megapixels": _NUMBER},
    COLD: _CASE | {"vcpu": _NUMBER, "model_store": (str,), "page_cache": (str,)},
}
"""The conditions of records of each metric, with their types."""
HIGHEST_MS = 900_000  # Lambda's longest timeout
OTHER_SHARE = (
    "with processor shares in periods of 100 ms, init included "
    f"(Lambda's: {PERIOD_MS} ms, init excluded)"
)
"""Said of times with a processor or less whose records name no period (decision 131)."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One memory size with one model store on one kind of processor, as measured.

    Attributes:
        architecture: `x86_64` or `arm64`, that of the machine.
        memory_mb: memory size, which brings the processor share.
        vcpu: that share.
        model_store: where the model was loaded from.
        service: of a warm call, in the function.
        init: from the start of the process until a warm call's work would begin.
        cold_ms, warm_ms: medians of a cold start and of a warm call.
        source: where the figures are from, for people.
        service_half_share: half of the 95 % interval of the mean time of a warm call, as a share of
            it; None: the records have none.
    """

    architecture: str = X86_64
    memory_mb: int
    vcpu: float
    model_store: str
    service: Distribution
    init: Distribution
    cold_ms: float
    warm_ms: float
    source: str
    service_half_share: float | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        """Its identity: architecture, memory size and model store."""
        return self.architecture, self.memory_mb, self.model_store

    @property
    def label(self) -> str:
        """A name for people."""
        on = "" if self.architecture == X86_64 else f" on {self.architecture}"
        return f"{self.memory_mb} MB{on}, model from {self.model_store}"


def read_measured(
    files: Iterable[Path],
    *,
    input_px: int = DEFAULT_INPUT_PX,
    megapixels: float = DEFAULT_MEGAPIXELS,
) -> list[Measured]:
    """Read measurements, for every memory size and model store that has both figures.

    Both are of one kind of processor; those of x86_64 and of arm64 may be in one file or several.

    Args:
        files: records of `bench cold` and `bench warm`, as JSON Lines.
        input_px: side of the model's input.
        megapixels: size of users' photos.

    Raises:
        WarmlensError: a file is not readable, or nothing fits.
    """
    wanted = {"input_px": input_px, "megapixels": megapixels, "page_cache": "warm"}
    warm: dict[tuple[str, int], Record] = {}
    cold: dict[tuple[str, int, str], Record] = {}
    for each in (record for file in files for record in _records(file)):
        conditions = each.conditions
        compared = wanted.keys() & CONDITIONS[each.metric].keys()
        if any(conditions[name] != wanted[name] for name in compared):
            continue
        key = architecture_of(each.machine), conditions["memory_mb"]
        if each.metric == WARM:
            warm[key] = each
        else:
            cold[(*key, conditions["model_store"])] = each
    measured = [_measured(cold[key], warm[key[:2]]) for key in sorted(cold) if key[:2] in warm]
    if not measured:
        raise WarmlensError(
            "not_measured",
            f"no memory size has both a cold start and a warm call at {input_px} px and "
            f"{megapixels:g} megapixels; cold starts: {_sizes(key[1] for key in cold)}; warm "
            f"calls: {_sizes(key[1] for key in warm)}; measure with {BENCH}",
        )
    return measured


def _records(file: Path) -> Iterator[Record]:
    """Yield the valid records of warm calls and cold starts of a file."""

    def invalid(why: str) -> WarmlensError:
        return WarmlensError(
            "bad_speed_records", f"{file}: neither records of {BENCH} nor logs of Lambda: {why}"
        )

    for number, line in enumerate(read_text(file, "bad_speed_records").split("\n"), 1):
        try:
            records = read_records(line)
        except (ValueError, TypeError, RecursionError):
            raise invalid(f"line {number} is not a record") from None
        for each in records:
            if each.name != "ours" or each.metric not in CONDITIONS:
                continue
            given: Any = each.conditions if isinstance(each.conditions, dict) else {}
            kinds = CONDITIONS[each.metric].items()
            missing = [name for name, kind in kinds if type(given.get(name)) not in kind]
            if not isinstance(each.machine, str):
                missing.append("its machine")
            if missing:
                raise invalid(f"a record of {each.metric} lacks {', '.join(missing)}")
            if each.mode == QUICK:
                raise WarmlensError(
                    "bad_speed_records",
                    f"{file}: line {number} is of a quick run, whose samples are too few to plan "
                    "with: measure without --quick, and with as many runs and calls as by default.",
                )
            further = [ms for ms in (each.p95, each.p99, each.largest) if ms is not None]
            if not _ascend([each.value, *further]):
                raise invalid(
                    f"median, p95, p99 and largest of a {each.metric} must ascend, to "
                    f"{HIGHEST_MS:,} at most"
                )
            yield each


def _ascend(times_ms: Sequence[Any]) -> bool:
    return all(isinstance(ms, int | float) and 0 <= ms <= HIGHEST_MS for ms in times_ms) and (
        list(times_ms) == sorted(times_ms)
    )


def pick(
    measured: Sequence[Measured], memory_mb: int, model_store: str, architecture: str = X86_64
) -> Measured:
    """Return the measurement of one memory size and model store.

    Raises:
        WarmlensError: it was not measured. Nothing is interpolated.
    """
    for each in measured:
        if each.key == (architecture, memory_mb, model_store):
            return each
    known = "; ".join(each.label for each in measured)
    asked = f"{memory_mb} MB on {architecture} with the model from {model_store}"
    raise WarmlensError("not_measured", f"{asked} was not measured; measured: {known}")


def of_store(measured: Sequence[Measured], model_store: str | None) -> list[Measured]:
    """Return the measurements with one model store.

    Without one, for each memory size the store from which the model starts fastest: their prices
    differ by less than a cent a month, so no plan has a slower one.

    Raises:
        WarmlensError: nothing was measured with the store.
    """
    if model_store is None:
        fastest: dict[tuple[str, int], Measured] = {}
        for each in sorted(measured, key=lambda each: each.cold_ms):
            fastest.setdefault((each.architecture, each.memory_mb), each)
        return [each for each in measured if each in fastest.values()]
    found = [each for each in measured if each.model_store == model_store]
    if not found:
        known = ", ".join(sorted({each.model_store for each in measured}))
        raise WarmlensError(
            "not_measured", f"the model store {model_store} was not measured; measured: {known}"
        )
    return found


def _measured(cold: Record, warm: Record) -> Measured:
    # A cold start is measured up to the first answer, so that a warm call's time is in it.
    init = [max(0.0, ms - warm.value) for ms in _points_ms(cold)]
    return Measured(
        architecture=architecture_of(cold.machine),
        memory_mb=cold.conditions["memory_mb"],
        vcpu=cold.conditions["vcpu"],
        model_store=cold.conditions["model_store"],
        service=_table(_points_ms(warm)),
        init=_table(init),
        cold_ms=cold.value,
        warm_ms=warm.value,
        source=f"measured {', '.join(sorted({cold.date, warm.date}))} on {cold.machine}"
        + ("" if _shared_as_on_lambda(cold, warm) else f", {OTHER_SHARE}"),
        service_half_share=_half_share(warm),
    )


def _half_share(warm: Record) -> float | None:
    if not warm.mean or warm.mean_interval is None:
        return None
    low, high = warm.mean_interval
    return (high - low) / 2 / warm.mean


def _shared_as_on_lambda(cold: Record, warm: Record) -> bool:
    periods_ms = {each.conditions.get("period_ms") for each in (cold, warm)}
    return bool(cold.conditions["vcpu"] > 1 or periods_ms == {PERIOD_MS})


def _points_ms(record: Record) -> list[float]:
    """Return a record's times at 0, 50, 95, 99 and 100 %.

    The half below the median is taken as slow as the median. Where the samples are too few for a
    percentile, the slowest of them stands for it, which is rather too slow. In records of before
    December 2026, without the slowest, the maximum is a guess, on the line through p95 and p99.
    """
    largest = record.largest if record.largest is not None else record.value
    p95 = record.p95 if record.p95 is not None else largest
    p99 = record.p99 if record.p99 is not None else max(p95, largest)
    highest = p99 + (p99 - p95) / 4 if record.largest is None else record.largest
    return [record.value, record.value, p95, p99, highest]


def _table(points_ms: Sequence[float]) -> Distribution:
    values_s = tuple(ms / 1000 for ms in points_ms)
    return Distribution("table", values_s, (0.0, 0.5, 0.95, 0.99, 1.0))


def _sizes(sizes: Iterable[int]) -> str:
    return ", ".join(f"{size} MB" for size in sorted(set(sizes))) or "no size"
