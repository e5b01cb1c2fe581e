"""Files of `--speed`: records of the laboratory, and log lines of a deployed function."""

from collections.abc import Sequence
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.planner.lambda_logs import is_log_export
from warmlens.planner.reported_times import Deployed, read_reported
from warmlens.planner.service_times import BENCH, Measured, read_measured
from warmlens.text_files import read_text

_CODE = "bad_speed_records"


def read_speed(
    files: Sequence[Path], deployed: Deployed, *, input_px: int, megapixels: float
) -> list[Measured]:
    """Read service times and cold starts; the kind of a file follows from its content.

    Args:
        files: records of `bench cold` and `bench warm`, or logs with Lambda's reports.
        deployed: what such reports do not say.
        input_px: side of the model's input in the records.
        megapixels: size of photos in the records.

    Raises:
        WarmlensError: a file is not valid, or has too little to plan with.
    """
    logs: list[Path] = []
    records: list[Path] = []
    for file in files:
        text = read_text(file, _CODE)
        if not text.strip():
            why = f"is empty; give records of {BENCH}, or log lines with Lambda's REPORT"
            raise WarmlensError(_CODE, f"{file} {why}")
        (logs if is_log_export(text) else records).append(file)
    reported = read_reported(logs, deployed) if logs else []
    measured = read_measured(records, input_px=input_px, megapixels=megapixels) if records else []
    return [*{each.key: each for each in [*measured, *reported]}.values()]
