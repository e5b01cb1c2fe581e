"""Service times and cold starts as `python -m lab bench cold` and `bench warm` measured them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.planner.distribution import Distribution
from warmlens.records import Record, architecture_of, read_records

SERVICE_TIMES = Path(__file__).with_suffix(".jsonl")
DEFAULT_INPUT_PX = 128  # that of the model in the settings
DEFAULT_MEGAPIXELS = 2.0
X86_64 = "x86_64"
WARM, COLD = ("ours", "warm_ms"), ("ours", "cold_start_ms")
_NUMBER: tuple[type, ...] = (int, float)
CONDITIONS: dict[tuple[str, str], dict[str, tuple[type, ...]]] = {
    WARM: {"memory_mb": (int,), "input_px": (int,), "megapixels": _NUMBER},
    COLD: {
        "memory_mb": (int,),
        "input_px": (int,),
        "vcpu": _NUMBER,
        "model_store": (str,),
        "page_cache": (str,),
    },
}
"""What the conditions of such records must name, and as what."""
HIGHEST_MS = 900_000  # Lambda's longest timeout
COLD_MEGAPIXELS = 2.0  # the photo that `bench cold` takes


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
        cold_ms, warm_ms: medians.
        cold_samples, warm_samples: how many starts and calls they are of.
        where: machine and date.
    """

    architecture: str = X86_64
    memory_mb: int
    vcpu: float
    model_store: str
    service: Distribution
    init: Distribution
    cold_ms: float
    warm_ms: float
    cold_samples: int
    warm_samples: int
    where: str

    @property
    def key(self) -> tuple[str, int, str]:
        """What tells it from others."""
        return self.architecture, self.memory_mb, self.model_store

    @property
    def label(self) -> str:
        """What people call it."""
        on = "" if self.architecture == X86_64 else f" on {self.architecture}"
        return f"{self.memory_mb} MB{on}, model from {self.model_store}"


def read_measured(
    files: Iterable[Path],
    *,
    input_px: int = DEFAULT_INPUT_PX,
    megapixels: float = DEFAULT_MEGAPIXELS,
    page_cache: str = "warm",
) -> list[Measured]:
    """Read what was measured, for every memory size and model store that has both figures.

    Both are of one kind of processor; those of x86_64 and of arm64 may be in one file or several.

    Args:
        files: records of `bench cold` and `bench warm`, as JSON Lines.
        input_px: side of the model's input.
        megapixels: size of users' photos.
        page_cache: what cold starts were measured under, `warm` or `dropped`.

    Raises:
        WarmlensError: a file is not readable, or nothing fits.
    """
    records = [record for file in files for record in _records(file)]
    warm = {
        (architecture_of(each.machine), each.conditions["memory_mb"]): each
        for each in records
        if (each.name, each.metric) == WARM
        and each.conditions["input_px"] == input_px
        and each.conditions["megapixels"] == megapixels
    }
    cold = {
        (
            architecture_of(each.machine),
            each.conditions["memory_mb"],
            each.conditions["model_store"],
        ): each
        for each in records
        if (each.name, each.metric) == COLD
        and each.conditions["input_px"] == input_px
        and each.conditions["page_cache"] == page_cache
    }
    found = [
        _measured(cold[architecture, memory_mb, store], warm[architecture, memory_mb])
        for architecture, memory_mb, store in sorted(cold)
        if (architecture, memory_mb) in warm
    ]
    if not found:
        raise WarmlensError(
            "not_measured",
            f"no memory size has both a cold start and a warm call at {input_px} px, "
            f"{megapixels:g} megapixels, page cache {page_cache}: cold starts at "
            f"{_sizes(key[1] for key in cold)}, warm calls at {_sizes(key[1] for key in warm)}; "
            "measure with "
            "python -m lab bench cold and bench warm",
        )
    return found


def _records(file: Path) -> list[Record]:
    """Read a file's records of warm calls and cold starts, with all that is needed of each."""
    where = f"{file}: not the records of python -m lab bench cold and bench warm: "
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise WarmlensError("bad_speed_records", f"{file}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise WarmlensError("bad_speed_records", f"{where}no text in UTF-8") from None
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found += read_records(line)
        except (ValueError, TypeError, RecursionError):
            raise WarmlensError("bad_speed_records", f"{where}line {number} is no record") from None
    for each in found:
        wanted = CONDITIONS.get((each.name, each.metric), {})
        missing = [
            name for name, kinds in wanted.items() if not _is_one(each.conditions, name, kinds)
        ]
        if wanted and not isinstance(each.machine, str):
            missing.append("its machine")
        if missing:
            raise WarmlensError(
                "bad_speed_records",
                f"{where}a record of {each.metric} lacks {', '.join(missing)} among its conditions",
            )
        times_ms = [each.value, *(ms for ms in (each.p95, each.p99) if ms is not None)]
        if wanted and not _ascend(times_ms):
            raise WarmlensError(
                "bad_speed_records",
                f"{where}a record of {each.metric} has a median, p95 and p99 that are not times "
                f"in ascending order, up to {HIGHEST_MS:,} ms",
            )
    return found


def _is_one(conditions: object, name: str, kinds: tuple[type, ...]) -> bool:
    return isinstance(conditions, dict) and type(conditions.get(name)) in kinds


def _ascend(times_ms: Sequence[object]) -> bool:
    numbers = [ms for ms in times_ms if isinstance(ms, int | float)]
    inside = all(0 <= ms <= HIGHEST_MS for ms in numbers)
    return inside and len(numbers) == len(times_ms) and numbers == sorted(numbers)


def pick(
    measured: Sequence[Measured], memory_mb: int, model_store: str, architecture: str = X86_64
) -> Measured:
    """Return one of them.

    Raises:
        WarmlensError: it was not measured; nothing is interpolated.
    """
    for each in measured:
        if each.key == (architecture, memory_mb, model_store):
            return each
    known = "; ".join(each.label for each in measured)
    raise WarmlensError(
        "not_measured",
        f"{memory_mb} MB on {architecture} with the model from {model_store} was not measured; "
        f"measured: {known}",
    )


def _measured(cold: Record, warm: Record) -> Measured:
    # The first answer takes a warm call's time more than init; its own is not told apart.
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
        cold_samples=cold.samples or 0,
        warm_samples=warm.samples or 0,
        where=f"{warm.machine}, {warm.date}",
    )


def _points_ms(record: Record) -> list[float]:
    """Median, 95th and 99th percentile, and what the line through the latter two gives for 100.

    Records keep no more. The half below the median is taken as slow as the median, and above the
    99th percentile nothing is known: the line is a guess that stands in the docs.
    """
    p95 = record.p95 if record.p95 is not None else record.value
    p99 = record.p99 if record.p99 is not None else p95
    return [record.value, record.value, p95, p99, p99 + (p99 - p95) / 4]


def _table(points_ms: Sequence[float]) -> Distribution:
    values_s = tuple(ms / 1000 for ms in points_ms)
    return Distribution("table", values_s, (0.0, 0.5, 0.95, 0.99, 1.0))


def _sizes(sizes: Iterable[int]) -> str:
    return ", ".join(f"{size} MB" for size in sorted(set(sizes))) or "no size"
