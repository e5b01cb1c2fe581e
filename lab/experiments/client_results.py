"""Reading of measurements from the result files of JMeter and Locust."""

import csv
import datetime
import io
from collections.abc import Iterator, Sequence

from lab.experiments.load import ANSWERED, calls_in
from lab.experiments.measurements import Measurement, blocks, grouped, joined, record_of, total
from warmlens.errors import WarmlensError
from warmlens.records import Record, machine

NAME = "load"
_NEEDED = ("timeStamp", "elapsed", "label", "responseCode", "success")


def read_results(text: str, *, client: str, command: str) -> list[Measurement]:
    """Read a CSV file of results from JMeter or from our Locust file.

    The columns are JMeter's (`timeStamp` in ms since 1970, `elapsed` in ms, `label`,
    `responseCode`, `success`, `allThreads`), and `cold` for cold starts where JMeter ran with
    `-Jsample_variables=cold`.

    Args:
        text: the file's contents.
        client: `JMeter` or `Locust`.
        command: the command that made the file.

    Returns:
        One measurement for each label, in the file's order.

    Raises:
        WarmlensError: ``bad_results``: a column or a number is missing, or there is no result.
    """
    rows = csv.DictReader(io.StringIO(text))
    missing = [column for column in _NEEDED if column not in (rows.fieldnames or ())]
    if missing:
        raise WarmlensError(
            "bad_results",
            f"no column {missing[0]}: give a CSV file with a header "
            "(jmeter.save.saveservice.output_format=csv, print_field_names=true)",
        )
    values: dict[str, dict[str, list[float]]] = {}
    clients: dict[str, int] = {}
    newest_ms = 0.0
    for number, row in enumerate(rows, 2):
        label = row["label"]
        try:
            elapsed_ms, at_ms = float(row["elapsed"]), float(row["timeStamp"])
            threads = int(row.get("allThreads") or 0)
        except (TypeError, ValueError):
            message = f"line {number} has no number as elapsed or timeStamp"
            raise WarmlensError("bad_results", message) from None
        outcome = _outcome(row)
        values.setdefault(label, {}).setdefault(outcome, []).append(elapsed_ms)
        values[label].setdefault("at_ms", []).append(at_ms)
        clients[label] = max(clients.get(label, 0), threads)
        newest_ms = max(newest_ms, at_ms)
    if not values:
        raise WarmlensError("bad_results", "the file has no results")
    date = datetime.datetime.fromtimestamp(newest_ms / 1000, datetime.UTC).date().isoformat()
    return [
        Measurement(
            experiment=NAME,
            name=client,
            conditions={"label": label, "clients": clients[label]},
            values=values[label],
            command=command,
            machine=machine(),
            date=date,
        )
        for label in values
    ]


def _outcome(row: dict[str, str]) -> str:
    if row["responseCode"] == "429":
        return "throttled_ms"
    # JMeter takes a redirect for a success.
    if row["success"] != "true" or not row["responseCode"].startswith("2"):
        return "failed_ms"
    return "cold_ms" if row.get("cold") == "true" else "warm_ms"


def records(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return response times and the shares of outcomes, by client and label."""
    for _, conditions, group in grouped(measurements):
        calls = sum(map(calls_in, group))
        about = {**conditions, "calls": calls}
        answered = blocks(group, *ANSWERED)
        if answered:
            yield record_of(group, answered, metric="response_ms", unit="ms", conditions=about)
        for metric, outcome in (
            ("cold_share", "cold_ms"),
            ("throttled_share", "throttled_ms"),
            ("failed_share", "failed_ms"),
        ):
            share = len(joined(group, outcome)) / calls
            yield total(group, share, metric=metric, unit="1", conditions=about)
