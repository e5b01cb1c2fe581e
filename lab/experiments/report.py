"""The report: records from measurements, charts and the page from records."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.experiments.catalog import EXPERIMENTS, all_records
from lab.experiments.charts import write_charts
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.measurements import Measurement
from lab.experiments.page import page
from lab.experiments.record_query import RecordSet
from lab.experiments.run import load_measurements, records_path, write_whole
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.records import Record, write_records


def read_all_measurements(docs: Path) -> dict[str, list[Measurement]]:
    """Return the measurements of each experiment that was run, by name.

    Raises:
        WarmlensError: ``bad_measurements``: a file cannot be read.
    """
    folder = docs / "records" / "experiments"
    measured = {name: load_measurements(folder, name) for name in (*EXPERIMENTS, LOAD)}
    return {name: measurements for name, measurements in measured.items() if measurements}


def write_report(docs: Path) -> Mapping[str, Sequence[Record]]:
    """Write the records, the charts and the page from the measurements.

    Args:
        docs: folder with records/experiments/*.samples.jsonl; gets the records, the pictures and
            experiments/README.md.

    Returns:
        The records by experiment.

    Raises:
        WarmlensError: ``bad_measurements``, ``not_written``: a file cannot be read or written;
            ``package_missing``: matplotlib is not installed.
    """
    made = all_records(read_all_measurements(docs))
    results = RecordSet(made)
    readme = docs / "experiments" / "README.md"
    pictures = docs / "pictures" / "experiments"
    try:
        for name, records in made.items():
            write_whole(
                records_path(docs / "records" / "experiments", name), write_records(records)
            )
        charts = write_charts(results, pictures)
        write_whole(
            readme,
            page(
                results,
                charts,
                up=_relative(ROOT / "docs", readme.parent),
                records=_relative(docs / "records" / "experiments", readme.parent).rstrip("/"),
                pictures=_relative(pictures, readme.parent).rstrip("/"),
            ),
        )
    except OSError as error:
        raise WarmlensError("not_written", f"{docs}: {error.strerror}") from error
    return made


def _relative(to: Path, start: Path) -> str:
    return f"{Path(os.path.relpath(to.resolve(), start.resolve())).as_posix()}/"
