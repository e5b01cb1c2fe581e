"""The CloudWatch dashboard: traffic, errors, cold starts, warming and cost."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.api import ApiMetrics
from stacks.constructs.metrics import own_metric, recognized_percent
from stacks.prices import DEFAULT_REGION, SHORT, RegionPrices
from stacks.settings import Settings

_THIRD = 8  # of the 24 columns
_PERIOD = cdk.Duration.minutes(5)


class Dashboard(Construct):
    """The dashboard of an environment: users' metrics at the top, cost at the bottom.

    Args:
        settings: settings of the environment.
        name: the dashboard's name.
        live: the classifier's alias.
        api: metrics of the API.
        warmed: True if there is a warmer.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        live: lambda_.IFunction,
        api: ApiMetrics,
        warmed: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._prices = RegionPrices(settings.region or DEFAULT_REGION)
        board = cloudwatch.Dashboard(
            self,
            "Board",
            dashboard_name=name,
            default_interval=cdk.Duration.days(1),
            period_override=cloudwatch.PeriodOverride.AUTO,
        )
        board.add_widgets(
            _graph(
                "Requests to the API",
                [api.metric_count(period=_PERIOD, statistic="Sum", label="requests")],
            ),
            _graph(
                "Answers that were errors",
                [
                    api.metric_client_error(period=_PERIOD, statistic="Sum", label="4xx"),
                    api.metric_server_error(period=_PERIOD, statistic="Sum", label="5xx"),
                    live.metric_errors(period=_PERIOD, statistic="Sum", label="crashed, timed out"),
                    live.metric_throttles(period=_PERIOD, statistic="Sum", label="throttled"),
                ],
            ),
            _graph(
                "Time in the function, ms",
                [self._own("LatencyMs", each, label=each) for each in ("p50", "p95", "p99")],
            ),
        )
        inits = [
            _graph(
                "Init of new instances, ms",
                [self._own("InitMs", each, label=each) for each in ("p50", "p99")],
            )
        ]
        board.add_widgets(
            _graph(
                "Users' calls that met a cold start",
                [self._own("ColdStart", "Sum", label="cold starts")],
                right=[self._cold_share()],
            ),
            *(inits if settings.warming != "snapstart" else []),  # none is run for a call then
            _graph(
                "Models that did not load",
                [self._own("ModelLoadFailure", "Sum", label="failed loads")],
            ),
        )
        board.add_widgets(
            _graph(
                "Photos that the model recognized, in an hour",
                [recognized_percent(settings)],
                right=[
                    own_metric(
                        "Top1Softmax",
                        settings=settings,
                        statistic="Average",
                        period_min=60,
                        label="mean top-1 softmax",
                    )
                ],
            )
        )
        absorbed = self._absorbed(warmed=warmed)
        if absorbed:
            rounds = self._rounds() if warmed else []
            board.add_widgets(_graph("Cold starts that no user met", absorbed), *rounds)
        board.add_widgets(
            _graph(
                "Instances at work at once",
                [
                    live.metric(
                        "ConcurrentExecutions", period=_PERIOD, statistic="Maximum", label="most"
                    )
                ],
            ),
            _graph("Estimated cost of 1,000 requests, USD", [self._cost(live)]),
            cloudwatch.TextWidget(width=_THIRD, height=6, markdown=self._explanation()),
        )

    def _absorbed(self, *, warmed: bool) -> list[cloudwatch.IMetric]:
        metrics: list[cloudwatch.IMetric] = []
        if self._settings.wakes_ahead:
            metrics += [
                self._own("ColdStartAhead", "Sum", label="absorbed ahead"),
                self._own("WakeRefused", "Sum", label="wakeups ahead refused"),
            ]
        if warmed:
            metrics += [
                self._own("ColdStartsAbsorbed", "Sum", label="absorbed by rounds"),
                self._own("WarmerThrottled", "Sum", label="wakeups of rounds throttled"),
            ]
        return metrics

    def _rounds(self) -> list[cloudwatch.IWidget]:
        return [
            _graph(
                "Warm instances reached by a round",
                [self._own("WarmInstances", "Minimum", label="fewest")],
                right=[self._own("WarmCoverage", "Minimum", label="coverage, 1 = all")],
            ),
            _graph(
                "Instance-seconds held by warming",
                [self._own("HeldInstanceSeconds", "Sum", label="held")],
            ),
        ]

    def _own(self, name: str, statistic: str, *, label: str) -> cloudwatch.Metric:
        return own_metric(name, settings=self._settings, statistic=statistic, label=label)

    def _cold_share(self) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression="100 * share",
            using_metrics={"share": self._own("ColdStart", "Average", label="share")},
            label="share of calls, %",
            period=_PERIOD,
        )

    def _cost(self, live: lambda_.IFunction) -> cloudwatch.MathExpression:
        """Return a metric: the cost of all calls, wakeups included, divided by users' calls."""
        gigabytes = self._settings.memory_mb / 1024
        prices, short = self._prices, SHORT[self._settings.architecture]
        usd_per_ms = prices[f"lambda_{short}_per_gb_s"] * gigabytes / 1000
        usd_per_request = prices["lambda_per_request"]
        usd_per_call = prices[f"{self._settings.api}_api_per_request"]
        return cloudwatch.MathExpression(
            expression=(
                f"1000 * (duration * {usd_per_ms:.12f} "
                f"+ invocations * {usd_per_request:.12f}) / calls "
                f"+ 1000 * {usd_per_call:.12f}"
            ),
            using_metrics={
                "duration": live.metric_duration(period=_PERIOD, statistic="Sum"),
                "invocations": live.metric_invocations(period=_PERIOD, statistic="Sum"),
                "calls": self._own("LatencyMs", "SampleCount", label="calls"),
            },
            label="USD",
            period=_PERIOD,
        )

    def _explanation(self) -> str:
        settings = self._settings
        of_http = " of up to 512 KB" if settings.api == "http" else ""
        return (
            f"**{settings.env_name}** serves {settings.model_name} {settings.model_version} "
            f"with {settings.memory_mb} MB on {settings.architecture}, "
            f"model store `{settings.model_store}`, warming `{settings.warming}`, "
            f"wake ahead {'on' if settings.wakes_ahead else 'off'}.\n\n"
            "The cost is an estimate: Lambda's duration and requests of all calls, wakeups "
            f"included, for each call of a user, and the API's price{of_http}; prices of "
            f"{self._prices.source}. "
            "Not in it: S3, logs, the firewall, CloudFront, data transfer, provisioned concurrency "
            "or snapshots."
        )


def _graph(
    title: str, left: list[cloudwatch.IMetric], right: list[cloudwatch.IMetric] | None = None
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=left,
        right=right or [],
        width=_THIRD,
        height=6,
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
    )
