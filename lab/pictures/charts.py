"""Charts of recorded benchmarks for the docs: `python -m lab.pictures.charts FOLDER`."""

import sys
from pathlib import Path

from lab.bench.speed import chart
from lab.bench.warming import presentation
from lab.figures import write_figure
from lab.kept_records import kept_records
from training import comparison_chart


def write_charts(folder: Path) -> None:
    """Write the charts of cold starts, of warming policies and of training on real photos.

    Args:
        folder: folder for cold-starts.svg, warming.svg and groceries.svg.
    """
    speed, warming = kept_records("speed"), kept_records("warming")
    groceries = kept_records("groceries")
    write_figure(
        lambda figure: chart.draw(speed, figure), folder / "cold-starts.svg", size=chart.SIZE
    )
    write_figure(lambda figure: presentation.draw(warming, figure), folder / "warming.svg")
    write_figure(
        lambda figure: comparison_chart.draw(groceries, figure),
        folder / "groceries.svg",
        size=comparison_chart.size_of(groceries),
    )


if __name__ == "__main__":
    write_charts(Path(sys.argv[1]))
