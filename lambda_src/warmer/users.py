"""The most instances that users' calls were on at once, from CloudWatch's metrics.

Lambda reports the concurrency of an alias each minute, users' calls and wakeups together. The
warmer counts its own wakeups in the minutes in which they ran. What is left of the concurrency
without them was users', at least; so wakeups never raise it, however many they are.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from .config import WarmerConfig
from .logs import NAMESPACE, THROTTLED

DAYS = 7
_PERIOD_S = 60  # CloudWatch keeps values of a minute for 15 days
# The newest values are left out: of one minute, one metric may arrive before the other.
_SETTLED_S = 15 * 60

Minutes = Mapping[int, float]


class HistoryError(Exception):
    """CloudWatch's values do not tell users' calls from wakeups."""


def users_peak(concurrency: Minutes, wakeups: Minutes) -> int:
    """Return the most instances that users' calls were certainly on at once.

    Args:
        concurrency: the most calls at once, users' and wakeups, by minute.
        wakeups: wakeups that ran, by minute; one without any may be missing.
    """
    return max(
        (round(count - wakeups.get(minute, 0)) for minute, count in concurrency.items()), default=0
    )


def ask_users_peak(cloudwatch: Any, config: WarmerConfig, now_s: float, *, woken: bool) -> int:
    """Return the peak of users' concurrency in the last seven days.

    Args:
        cloudwatch: a CloudWatch client.
        config: the warmer's configuration.
        now_s: the Unix time now.
        woken: True if earlier runs woke instances, so that their wakeups must be in the metrics.

    Raises:
        HistoryError: CloudWatch gave no complete answer, or has no wakeups.
        BotoCoreError, ClientError: CloudWatch refused.
    """
    *_, function, alias = config.function_arn.split(":")
    users = {"FunctionName": function, "Resource": f"{function}:{alias}"}
    queries = [
        _query("concurrency", "AWS/Lambda", "ConcurrentExecutions", "Maximum", users),
        _query("wakeups", NAMESPACE, THROTTLED, "SampleCount", {"Environment": config.env_name}),
    ]
    end_s = (now_s - _SETTLED_S) // _PERIOD_S * _PERIOD_S
    begin_s = end_s - datetime.timedelta(days=DAYS).total_seconds()
    minutes: dict[str, dict[int, float]] = {query["Id"]: {} for query in queries}
    status: dict[str, str] = {}
    for page in cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=datetime.datetime.fromtimestamp(begin_s, datetime.UTC),
        EndTime=datetime.datetime.fromtimestamp(end_s, datetime.UTC),
    ):
        for result in page["MetricDataResults"]:
            status[result["Id"]] = result["StatusCode"]
            for time, value in zip(result["Timestamps"], result["Values"], strict=True):
                minutes[result["Id"]][int(time.timestamp()) // _PERIOD_S] = value
    if set(status.items()) != {(query["Id"], "Complete") for query in queries}:
        raise HistoryError(f"CloudWatch's answer is not complete: {status}")
    if woken and minutes["concurrency"] and not minutes["wakeups"]:
        why = f"CloudWatch has no values of {NAMESPACE} {THROTTLED} for {config.env_name}"
        raise HistoryError(f"users' calls cannot be told from wakeups: {why}")
    return users_peak(minutes["concurrency"], minutes["wakeups"])


def _query(
    query_id: str, namespace: str, name: str, statistic: str, dimensions: Mapping[str, str]
) -> dict[str, Any]:
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    stat = {"Metric": metric, "Period": _PERIOD_S, "Stat": statistic}
    return {"Id": query_id, "MetricStat": stat}
