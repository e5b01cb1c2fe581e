"""Writing of the report: records from measurements, charts and page from records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lab.bench.extent import require_elsewhere
from lab.experiments.catalog import EXPERIMENTS, all_records
from lab.experiments.charts import charts_in, write_charts
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.experiment import Mode
from lab.experiments.measurements import Measurement
from lab.experiments.page import page
from lab.experiments.record_query import RecordSet
from lab.experiments.run import RECORDS, load_measurements, records_path, write_whole
from lab.kept_records import kept_records
from warmlens.errors import WarmlensError
from warmlens.records import QUICK, Record, write_records

PICTURES, PAGE = "pictures", "README.md"
"""Further parts of a report's folder."""

KEPT = (
    "groceries",
    "model-comparison",
    "model-sizes",
    "one-call",
    "peer",
    "speed",
    "wakes",
    "warming",
)
"""Records of benches that claims are judged by."""


def read_all_measurements(folder: Path) -> dict[str, list[Measurement]]:
    """Return the existing measurements by the experiment's name.

    Raises:
        WarmlensError: ``bad_measurements``: a file cannot be read.
    """
    measured = {name: load_measurements(folder / RECORDS, name) for name in (*EXPERIMENTS, LOAD)}
    return {name: measurements for name, measurements in measured.items() if measurements}


def records_of_benches() -> dict[str, list[Record]]:
    """Return the kept records of benches that claims are judged by.

    Raises:
        WarmlensError: a file cannot be read, or is of a quick run.
    """
    return {name: kept_records(name) for name in KEPT}


def write_report(folder: Path, *, draw: bool = True) -> Mapping[str, Sequence[Record]]:
    """Write the records, the charts and the page from the measurements.

    Args:
        folder: has records/*.samples.jsonl; gets records/, pictures/ and README.md.
        draw: draw the charts; otherwise the page has those that are there.

    Returns:
        The records by experiment.

    Raises:
        WarmlensError: ``bad_measurements``, ``not_written``: a file cannot be read or written;
            ``package_missing``: matplotlib is not installed; ``quick_run``: the folder is the
            docs', and a quick run measured.
    """
    measured = read_all_measurements(folder)
    commands = [each.command for measurements in measured.values() for each in measurements]
    require_elsewhere(folder, quick=any(map(_is_quick, commands)))
    made = {name: list(map(_marked, records)) for name, records in all_records(measured).items()}
    results = RecordSet(made, records_of_benches())
    try:
        for name, records in made.items():
            write_whole(records_path(folder / RECORDS, name), write_records(records))
        pictures = folder / PICTURES
        charts = write_charts(results, pictures) if draw else charts_in(pictures)
        write_whole(folder / PAGE, page(results, charts, folder=folder))
    except OSError as error:
        raise WarmlensError("not_written", f"{folder}: {error.strerror}") from error
    return made


def _is_quick(command: str) -> bool:
    return command.endswith(f"--{Mode.QUICK}")


def _marked(record: Record) -> Record:
    return replace(record, mode=QUICK) if _is_quick(record.command) else record
