"""JSON that `aws cloudwatch` prints, as series."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warmlens.planner.csv_tables import UNREADABLE
from warmlens.planner.metric_series import COUNT_UNITS, Series, bad_export, points_of
from warmlens.text_files import STRICT_JSON, read_text

_STATISTICS = ("Sum", "SampleCount", "Maximum")


def read_json(file: Path) -> list[Series]:
    """Read JSON that `get-metric-statistics` or `get-metric-data` printed.

    Several answers in one file, such as the pages of one, are joined.

    Raises:
        WarmlensError: it is neither, is incomplete, or a data point is not valid.
    """
    answers = list(_answers(file))
    if answers and all(answer.get("NextToken") for answer in answers):
        why = "it is a page that others follow (NextToken): ask without --max-items and"
        raise bad_export(file, f"{why} --no-paginate, or give all pages in one file")
    try:
        if all("MetricDataResults" in answer for answer in answers):
            return _of_metric_data(file, answers)
        if all("Datapoints" in answer for answer in answers):
            return _of_metric_statistics(file, answers)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        why = "give data points with a Timestamp and a Sum, or one series of Timestamps and Values"
        raise bad_export(file, why) from None
    why = "it has neither Datapoints nor MetricDataResults; give the whole answers of aws"
    raise bad_export(file, f"{why} cloudwatch, as it prints them without --query")


def _answers(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the answers in a file: one, several after each other, or a list of them."""
    text = read_text(file, UNREADABLE).strip()
    at = 0
    while at < len(text):
        try:
            document, at = STRICT_JSON.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reason = error if isinstance(error, ValueError) else "it is nested too deep"
            raise bad_export(file, f"not JSON: {reason}") from None
        for answer in document if isinstance(document, list) else [document]:
            if not isinstance(answer, dict):
                raise bad_export(file, "not a JSON object, as aws cloudwatch prints")
            yield answer
        while text[at : at + 1].isspace() or text[at : at + 1] == ",":
            at += 1


def _of_metric_statistics(file: Path, answers: list[dict[str, Any]]) -> list[Series]:
    points: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        points.setdefault(str(answer.get("Label")), []).extend(answer["Datapoints"])
    return [_of_points(file, label, given) for label, given in points.items()]


def _of_points(file: Path, label: str, points: list[dict[str, Any]]) -> Series:
    units = {str(point.get("Unit", "")) for point in points}
    known = [name for name in _STATISTICS if all(name in point for point in points)]
    is_count = all(unit.casefold() in COUNT_UNITS for unit in units)
    if "concurren" in label.casefold():
        wanted = "Maximum"
    elif "SampleCount" in known and (not is_count or "coldstart" in label.casefold()):
        wanted = "SampleCount"
    else:
        wanted = "Sum" if is_count or "Sum" in known else "SampleCount"
    for point in points:
        if wanted not in point:
            found = ", ".join(sorted(set(point) - {"Timestamp", "Unit"})) or "no statistic"
            raise bad_export(file, f"its data points have {found}; ask with --statistics {wanted}")
    if wanted == "Sum" and not is_count:
        why = f"Unit is {', '.join(sorted(units))}; ask for a metric with Unit Count, or with"
        raise bad_export(file, f"{why} --statistics SampleCount")
    pairs = [(point["Timestamp"], point[wanted]) for point in points]
    return Series(
        title=label,
        name=label,
        statistic=wanted.casefold(),
        points=points_of(file, pairs, wanted),
    )


def _of_metric_data(file: Path, answers: list[dict[str, Any]]) -> list[Series]:
    """Return the series of GetMetricData's pages, if they are complete.

    A series is in every page; only its last part is `Complete` (CloudWatch API reference,
    MetricDataResult).
    """
    results = [each for answer in answers for each in answer["MetricDataResults"]]
    for message in (m for part in (*answers, *results) for m in part.get("Messages") or ()):
        said = f"{message.get('Code', '')}: {message.get('Value', '')}"
        why = f"CloudWatch says {said}; ask again, or remove Messages if the data are complete"
        raise bad_export(file, why)
    if not results:
        raise bad_export(file, "it has no series: check metric, dimensions and region")
    parts: dict[str, list[dict[str, Any]]] = {}
    for each in results:
        parts.setdefault(str(each.get("Id") or each.get("Label")), []).append(each)
    return [_of_parts(file, title, given) for title, given in parts.items()]


def _of_parts(file: Path, title: str, parts: list[dict[str, Any]]) -> Series:
    states = [each.get("StatusCode", "Complete") for each in parts]
    if "Complete" not in states or set(states) - {"Complete", "PartialData"}:
        found = ", ".join(sorted(set(states) - {"Complete"}))
        raise bad_export(file, f"its data are incomplete (StatusCode {found}): ask again")
    pairs: list[tuple[Any, Any]] = []
    for each in parts:
        times, values = each["Timestamps"], each["Values"]
        if len(times) != len(values):
            raise bad_export(file, f"Timestamps: {len(times)}, Values: {len(values)}; ask again")
        pairs += zip(times, values, strict=True)
    name = " ".join(dict.fromkeys([title, *(str(each.get("Label", title)) for each in parts)]))
    return Series(title=title, name=name, statistic="", points=points_of(file, pairs, "Sum"))
