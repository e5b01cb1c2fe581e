"""The summary that a batch prints at its end."""

from typing import Any

from rich.table import Table

from warmlens.batch.results import ResultsFile
from warmlens.batch.run import Outcome
from warmlens.console import err, out

_SHOWN_CLASSES = 10
_SHOWN_CLOSEST = 3


def summary(
    outcome: Outcome, results: ResultsFile, cost_usd: float | None, threshold: float | None = None
) -> dict[str, Any]:
    """Return a batch's figures.

    Args:
        outcome: what the run did.
        results: the results file.
        cost_usd: estimate of the run's cost in USD; None if it is not known.
        threshold: softmax below which the model does not recognize a photo; None if not known.
    """
    return {
        "photos": results.before + outcome.classified + outcome.failed,
        "classified": outcome.classified,
        "answered_before": results.before,
        "failed": outcome.failed,
        "errors": dict(outcome.errors.most_common()),
        "other_files": outcome.others,
        "recognized": results.recognized,
        "not_recognized": results.not_recognized,
        "threshold": threshold,
        "classes": dict(results.classes.most_common()),
        "closest_classes": dict(results.closest.most_common()),
        "model": results.version,
        "throttled_calls": outcome.throttled,
        "wall_s": round(outcome.wall_s, 3),
        "cost_usd": cost_usd,
        "out": str(results.path),
    }


def print_summary(figures: dict[str, Any], other_names: list[str]) -> None:
    """Print a batch's figures for people: results on standard output, remarks on standard error.

    Args:
        figures: those that :func:`summary` returns.
        other_names: names of some files that are no photos.
    """
    table = Table("class", "photos")
    for label, photos in list(figures["classes"].items())[:_SHOWN_CLASSES]:
        table.add_row(label, str(photos))
    out.print_table(table)
    if (more := len(figures["classes"]) - _SHOWN_CLASSES) > 0:
        out.print(f"and {more} more classes")
    if not_recognized := figures["not_recognized"]:
        answered = not_recognized + figures["recognized"]
        known = figures["threshold"]
        out.print(
            f"not sure: {not_recognized} of {answered} {'is' if not_recognized == 1 else 'are'} "
            f"below the model's threshold{'' if known is None else f' ({known:.2f})'}; "
            f"closest: {_closest(figures['closest_classes'])}"
        )
    rate = figures["classified"] / figures["wall_s"] if figures["wall_s"] else 0.0
    before = figures["answered_before"]
    out.print(
        f"{figures['classified']} photos classified in {figures['wall_s']:.1f} s, {rate:.1f} a "
        "second" + (f"; {before} already had an answer" if before else "")
    )
    if figures["cost_usd"] is not None:
        out.print(f"cost: about ${figures['cost_usd']:.4f} for API, function and S3")
    out.print(f"results: {figures['out']}")
    if figures["throttled_calls"]:
        err.print(f"The API throttled {figures['throttled_calls']} calls; they were repeated.")
    if others := figures["other_files"]:
        more = others - len(other_names)
        names = ", ".join(other_names) + (f" and {more} more" if more else "")
        files = "other file was" if others == 1 else "other files were"
        err.print(f"{others} {files} skipped: {names}.")
    for code, photos in figures["errors"].items():
        err.print(f"{photos} failed: {code}")
    if figures["failed"]:
        err.print("Run the same command again to retry the photos that failed.")


def _closest(classes: dict[str, int]) -> str:
    shown = [f"{label} ({photos})" for label, photos in list(classes.items())[:_SHOWN_CLOSEST]]
    more = len(classes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
