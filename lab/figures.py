"""Charts by Matplotlib: the same records give the same file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.model_packages import import_model_package

_METADATA = {".svg": {"Date": None}, ".png": {"Software": None}}


def write_figure(
    draw: Callable[[Any], None], *files: Path, size: tuple[float, float] = (8, 4)
) -> None:
    """Draw a figure and write it to files.

    Args:
        draw: draws into an empty `matplotlib.figure.Figure`.
        files: SVG or PNG files, by their suffixes.
        size: width and height in inches.

    Raises:
        WarmlensError: ``package_missing``: matplotlib is not installed.
    """
    matplotlib = import_model_package("matplotlib")
    figure_class = import_model_package("matplotlib.figure").Figure
    # The salt makes the ids in an SVG the same each time.
    with matplotlib.rc_context({"svg.hashsalt": "warmlens", "font.size": 9}):
        figure = figure_class(figsize=size, layout="constrained")
        draw(figure)
        for file in files:
            figure.savefig(file, dpi=110, metadata=_METADATA[file.suffix])
