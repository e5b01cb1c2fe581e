"""Readings of an environment in AWS, from CloudWatch's metrics."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from warmlens.deployment import NOT_FOUND, Deployment
from warmlens.errors import WarmlensError
from warmlens.planner.cost import SHORT
from warmlens.prices import PriceList, read_prices
from warmlens.watch.metrics import functions_of, queries_of
from warmlens.watch.reading import WINDOW_MIN, Calls, ColdStarts, Cost, Reading, Warmth

PRICE = "metric_per_read"
_MINUTE = timedelta(minutes=1)
_LOOK_BACK = timedelta(hours=2)  # for the last round, just after midnight
_UNREACHED = (ConnectionError, HTTPClientError)
_FAILURES = (ClientError, *_UNREACHED)
_PASSING = (
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
_INCLUDED = (
    "API calls; calls and time of the functions, wakeups included, at the price on demand; inits "
    "that photos met"
)
_OF_512_KB = "each API call as one of up to 512 KB; "
_LEFT_OUT = (
    "free tier, inits of wakeups, provisioned concurrency, snapshots, web ACL, S3, logs, metrics, "
    "alarms, CloudFront, data out"
)
_Points = Mapping[datetime, float]


class CloudWatch:
    """Reads an environment in AWS.

    A reading asks for each minute of the day: `GetMetricData` is billed by the metric, and not by
    the data point (CloudWatch pricing).

    Args:
        deployment: the environment.
        client: a client for CloudWatch in its region.

    Raises:
        WarmlensError: only a part of the environment is deployed.
    """

    every_s = 60
    shortest_s = 60

    def __init__(self, deployment: Deployment, client: Any) -> None:
        self._deployment = deployment
        self._client = client
        self._region = client.meta.region_name
        self._queries = queries_of(deployment)
        self._sizes = {
            name: self._size(function, "live" if name == "classifier" else None)
            for name, function in functions_of(deployment).items()
        }
        self._prices, self._no_prices = self._read_prices()

    def read(self, now: datetime) -> Reading:
        """Return a reading.

        Raises:
            WarmlensError: AWS refuses it, or does not answer it now.
        """
        now = now.astimezone(UTC)
        since = now.replace(hour=0, minute=0, second=0, microsecond=0)
        data = self._ask(min(since, now - _LOOK_BACK), now)
        today = {
            name: sum(value for at, value in points.items() if at >= since)
            for name, points in data.items()
        }
        newest = max((max(points) for points in data.values() if points), default=None)
        metrics = len(self._queries)
        return Reading(
            env_name=self._deployment.name,
            place=f"AWS {self._region}",
            read_at=now,
            since=since,
            newest=None if newest is None else newest + _MINUTE,
            instances=None,
            at_work=int(max(_recent(data["at_work"], now).values(), default=0)),
            warmth=_warmth(data),
            calls=_calls(data, now),
            cold_starts=ColdStarts(
                photos=int(today["photos"]),
                met=int(today["cold"]),
                ahead=int(today["ahead"]),
                by_rounds=int(today["absorbed"]) if "absorbed" in today else None,
            ),
            cost=self._cost(today),
            no_cost=self._no_prices,
            metrics=metrics,
            metrics_usd=self._reading_usd(metrics),
        )

    def _ask(self, begin: datetime, end: datetime) -> dict[str, dict[datetime, float]]:
        queries: Any = [
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {
                        "Namespace": metric.namespace,
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": metric.dimension[0], "Value": metric.dimension[1]}],
                    },
                    "Period": 60,
                    "Stat": statistic,
                },
            }
            for name, (metric, statistic) in self._queries.items()
        ]
        data: dict[str, dict[datetime, float]] = {name: {} for name in self._queries}
        try:
            for page in self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries,
                StartTime=begin.replace(second=0, microsecond=0),
                EndTime=end,
            ):
                for each in page["MetricDataResults"]:
                    if each.get("StatusCode") in ("InternalError", "Forbidden"):
                        raise _incomplete(each)
                    points = zip(each["Timestamps"], each["Values"], strict=True)
                    data[each["Id"]].update((at.astimezone(UTC), value) for at, value in points)
        except _FAILURES as error:
            raise _refusal(error) from error
        return data

    def _size(self, function: str, alias: str | None) -> tuple[float, str]:
        """Return a function's memory in GB and its architecture's short name."""
        qualifier = {"Qualifier": alias} if alias else {}
        try:
            found = self._deployment.lambda_.get_function_configuration(
                FunctionName=function, **qualifier
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
                raise _refusal(error) from error
            raise WarmlensError(
                "not_deployed",
                f"Only a part of {self._deployment.name} is deployed: it has no function "
                f"{function}; deploy the rest: npx cdk deploy '{self._deployment.name}/*'",
                exit_code=NOT_FOUND,
            ) from error
        except _UNREACHED as error:
            raise _refusal(error) from error
        architecture = (found.get("Architectures") or ["x86_64"])[0]
        return found["MemorySize"] / 1024, SHORT[architecture]

    def _read_prices(self) -> tuple[PriceList | None, str]:
        try:
            prices = read_prices(self._region)
            prices.require(
                [
                    f"{self._deployment.output('ApiKind')}_api_per_request",
                    "lambda_per_request",
                    *(f"lambda_{short}_per_gb_s" for _, short in self._sizes.values()),
                ]
            )
        except WarmlensError:
            return None, f"unknown: {self._region} lacks prices (warmlens prices list)"
        return prices, ""

    def _reading_usd(self, metrics: int) -> float | None:
        if self._prices is None or PRICE not in self._prices.prices:
            return None
        return metrics * self._prices[PRICE]

    def _cost(self, today: Mapping[str, float]) -> Cost | None:
        if self._prices is None:
            return None
        kind = self._deployment.output("ApiKind")
        parts_usd = {"API": today["api"] * self._prices[f"{kind}_api_per_request"]}
        for name, (memory_gb, short) in self._sizes.items():
            billed_ms = today[f"{name}_ms"] + (today["init_ms"] if name == "classifier" else 0.0)
            parts_usd[name] = (
                today[f"{name}_calls"] * self._prices["lambda_per_request"]
                + billed_ms / 1000 * memory_gb * self._prices[f"lambda_{short}_per_gb_s"]
            )
        return Cost(
            usd=sum(parts_usd.values()),
            parts=parts_usd,
            included=f"{_OF_512_KB if kind == 'http' else ''}{_INCLUDED}; list prices of "
            f"{self._prices.region}, {self._prices.date}",
            left_out=_LEFT_OUT,
        )


def _recent(points: _Points, now: datetime) -> dict[datetime, float]:
    begin = now.replace(second=0, microsecond=0) - (WINDOW_MIN - 1) * _MINUTE
    return {at: value for at, value in points.items() if at >= begin}


def _calls(data: Mapping[str, _Points], now: datetime) -> Calls:
    recent = {name: _recent(points, now) for name, points in data.items()}
    sums = {name: sum(points.values()) for name, points in recent.items()}
    photos = int(sums["photos"])
    minute = now.replace(second=0, microsecond=0)
    return Calls(
        window_min=WINDOW_MIN,
        photos=photos,
        mean_ms=sums["time_ms"] / photos if photos else None,
        slowest_ms=max(recent["slowest_ms"].values(), default=None),
        failed=int(sums["faults"] + sums["errors"]),
        # Both are minutes late, and not equally: the warmer's may come first.
        refused=max(0, int(sums["throttles"] - sums.get("wakeups_throttled", 0))),
        per_minute=tuple(
            int(recent["photos"].get(minute - ago * _MINUTE, 0))
            for ago in reversed(range(WINDOW_MIN))
        ),
    )


def _warmth(data: Mapping[str, _Points]) -> Warmth | None:
    reached = data.get("reached")
    if not reached:
        return None
    at = max(reached)
    coverage = data["coverage"].get(at)
    asked = round(reached[at] / coverage) if coverage else None
    return Warmth(reached=int(reached[at]), asked=asked, at=at)


def _refusal(error: ClientError | ConnectionError | HTTPClientError) -> WarmlensError:
    if not isinstance(error, ClientError):
        return WarmlensError("unreachable", f"AWS does not answer: {error}", exit_code=NOT_FOUND)
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in _PASSING:
        return WarmlensError(
            "throttled",
            "AWS throttles this account's requests for metrics; try again in a minute.",
            exit_code=NOT_FOUND,
        )
    if status >= 500:
        return WarmlensError("unreachable", f"AWS failed: {error}", exit_code=NOT_FOUND)
    return WarmlensError(
        "aws_refused",
        f"AWS refused the request: {error}. A watch needs cloudwatch:GetMetricData and "
        "lambda:GetFunctionConfiguration.",
        exit_code=NOT_FOUND,
    )


def _incomplete(result: Any) -> WarmlensError:
    said = "; ".join(str(each.get("Value")) for each in result.get("Messages") or ())
    if result["StatusCode"] == "Forbidden":
        why = f"AWS refused a metric: {said or 'no reason given'}"
        return WarmlensError("aws_refused", why, exit_code=NOT_FOUND)
    return WarmlensError(
        "unreachable",
        f"CloudWatch has no complete answer now{f' ({said})' if said else ''}; try again.",
        exit_code=NOT_FOUND,
    )
