"""Samples become records, records become charts and the page."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.experiments.catalog import EXPERIMENTS, all_records
from lab.experiments.charts import write_charts
from lab.experiments.client_results import NAME as LOAD
from lab.experiments.found import Records
from lab.experiments.page import page
from lab.experiments.run import load_samples, records_path, write_whole
from lab.experiments.samples import Sample
from warmlens.paths import ROOT
from warmlens.records import Record, write_records


class ReportError(Exception):
    """The report cannot be written; the message says why."""


def read_all_samples(docs: Path) -> dict[str, list[Sample]]:
    """Return the samples of each experiment that was run, by name.

    Raises:
        RunError: a file cannot be read.
    """
    folder = docs / "records" / "experiments"
    found = {name: load_samples(folder, name) for name in (*EXPERIMENTS, LOAD)}
    return {name: samples for name, samples in found.items() if samples}


def write_report(docs: Path) -> Mapping[str, Sequence[Record]]:
    """Make everything anew from the samples.

    Args:
        docs: folder with records/experiments/*.samples.jsonl; gets the records, the pictures and
            experiments/README.md.

    Returns:
        The records by experiment.

    Raises:
        RunError: samples cannot be read.
        ReportError: something cannot be written.
        ModelError: matplotlib is not installed.
    """
    made = all_records(read_all_samples(docs))
    found = Records(made)
    readme = docs / "experiments" / "README.md"
    pictures = docs / "pictures" / "experiments"
    try:
        for name, records in made.items():
            write_whole(
                records_path(docs / "records" / "experiments", name), write_records(records)
            )
        charts = write_charts(found, pictures)
        write_whole(
            readme,
            page(
                found,
                charts,
                up=_relative(ROOT / "docs", readme.parent),
                records=_relative(docs / "records" / "experiments", readme.parent).rstrip("/"),
                pictures=_relative(pictures, readme.parent).rstrip("/"),
            ),
        )
    except OSError as error:
        raise ReportError(f"{docs}: {error.strerror}") from error
    return made


def _relative(to: Path, start: Path) -> str:
    return f"{Path(os.path.relpath(to.resolve(), start.resolve())).as_posix()}/"
