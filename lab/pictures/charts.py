"""The docs' charts of kept records: `python -m lab.pictures.charts FOLDER`."""

import sys
from pathlib import Path

from lab.bench.speed.chart import chart as speed_chart
from lab.bench.warming.table import chart as warming_chart
from lab.docs_blocks import RECORDS
from warmlens.planner.service_times import SERVICE_TIMES
from warmlens.records import read_records


def write_charts(folder: Path) -> None:
    """Write the charts of cold starts and of warming policies.

    Args:
        folder: gets cold-starts.svg and warming.svg.
    """
    speed = read_records(SERVICE_TIMES.read_text())
    warming = read_records((RECORDS / "warming.jsonl").read_text())
    (folder / "cold-starts.svg").write_text(speed_chart(speed))
    (folder / "warming.svg").write_text(warming_chart(warming))


if __name__ == "__main__":
    write_charts(Path(sys.argv[1]))
