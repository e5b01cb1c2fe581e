"""The records behind the docs: all of full runs."""

from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.records import QUICK, Record, read_records

RECORDS = ROOT / "docs" / "lab" / "records"


def kept_records(name: str, folder: Path = RECORDS) -> list[Record]:
    """Return the records of a file.

    Args:
        name: the file's name without `.jsonl`.
        folder: folder of the file.

    Raises:
        WarmlensError: ``quick_run``: they are of a quick run.
    """
    path = folder / f"{name}.jsonl"
    records = read_records(path.read_text(encoding="utf-8"))
    for each in records:
        if each.mode == QUICK:
            raise WarmlensError(
                "quick_run",
                f"{path} has records of a quick run of `{each.command}`, which are too few for a "
                "page. Take the file of before from version control, or measure without --quick.",
            )
    return records
