"""Dashboard and alarms."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_src.classifier.logs import NAMESPACE as EMITTED_TO
from stacks.constructs.metrics import NAMESPACE
from stacks.settings import Settings
from tests.infrastructure.test_docs_prices import READ
from tests.infrastructure.variants import Assembly, synthesize
from warmlens.deployment import Deployment
from warmlens.paths import ROOT
from warmlens.planner import photo
from warmlens.watch.metrics import queries_of

Variants = dict[str, Assembly]


def alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return {
        str(logical_id): resource["Properties"]
        for name, template in assembly.templates.items()
        if "observability" in name
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def alarm(assembly: Assembly, beginning: str) -> dict[str, Any]:
    (found,) = (
        properties
        for logical_id, properties in alarms(assembly).items()
        if logical_id.startswith(beginning)
    )
    return found


def test_a_person_is_called_for_all_that_users_or_the_operator_would_notice(
    odd: Assembly,
) -> None:
    for beginning in (
        "Errors",
        "Faults",
        "UploadErrors",
        "Throttles",
        "P99",
        "ModelLoadFailures",
        "WarmCoverage",
        "WarmerErrors",
        "DeadLetters",
    ):
        properties = alarm(odd, beginning)
        assert properties["AlarmActions"], beginning
        assert properties["TreatMissingData"] == "notBreaching"
    assert alarm(odd, "P99")["Threshold"] == 1234
    assert alarm(odd, "WarmCoverage")["Threshold"] == 0.75
    subscription = odd.only("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@a.example")


def test_a_schedule_that_no_longer_calls_the_warmer_raises_an_alarm(
    odd: Assembly, plain: Assembly, variants: Variants
) -> None:
    """A warmer that is not called emits nothing: its other alarms would stay silent."""
    for assembly, period_s in ((odd, 7 * 60), (plain, 5 * 60)):
        silent = alarm(assembly, "WarmerSilent")
        assert silent["AlarmActions"]
        assert (silent["Namespace"], silent["MetricName"]) == ("AWS/Lambda", "Invocations")
        (dimension,) = silent["Dimensions"]
        assert dimension["Name"] == "FunctionName"
        assert "Warmer" in json.dumps(dimension["Value"])
        assert silent["TreatMissingData"] == "breaching"
        assert (silent["ComparisonOperator"], silent["Threshold"]) == ("LessThanThreshold", 1)
        # One run may be late, and two.
        assert (silent["Period"], silent["EvaluationPeriods"]) == (period_s, 3)
        # In hours without warming the schedule calls the warmer, too, and so this alarm is silent.
        (schedule,) = assembly.resources("AWS::Scheduler::Schedule")
        assert schedule["Properties"]["ScheduleExpression"].startswith("rate(")
    for name in ("bare", "provisioned"):
        assert not [each for each in alarms(variants[name]) if each.startswith("WarmerSilent")]


@pytest.mark.parametrize(("rounds_min", "period_s"), [(1, 900), (15, 900), (16, 960), (60, 3600)])
def test_rounds_that_reach_too_few_raise_an_alarm_however_seldom_they_are(
    tmp_path: Path, rounds_min: int, period_s: int
) -> None:
    """In periods shorter than those of the rounds, some have no value, which counts as good."""
    settings = Settings(env_name="seldom", warming_period_min=rounds_min, web=False)
    synthesize(tmp_path, settings)
    coverage = alarm(Assembly("seldom", tmp_path / "assembly-seldom"), "WarmCoverage")
    assert (coverage["Period"], coverage["EvaluationPeriods"]) == (period_s, 2)
    assert f"For {2 * period_s // 60} minutes" in coverage["AlarmDescription"]


def test_wakeups_that_were_throttled_raise_no_alarm_but_users_calls_do(
    odd: Assembly, variants: Variants
) -> None:
    throttles = alarm(odd, "Throttles")
    result, *inputs = throttles["Metrics"]
    assert result["Expression"] == "throttled - FILL(wakeups, 0)"
    assert result["ReturnData"] is True
    metrics = {each["Id"]: each["MetricStat"] for each in inputs}
    assert {name: each["Metric"]["MetricName"] for name, each in metrics.items()} == {
        "throttled": "Throttles",
        "wakeups": "WarmerThrottled",
    }
    assert {(each["Stat"], each["Period"]) for each in metrics.values()} == {("Sum", 300)}
    assert throttles["Threshold"] == 1
    # Without a warmer all of them are users'.
    assert alarm(variants["provisioned"], "Throttles")["MetricName"] == "Throttles"


def test_users_who_photograph_something_else_raise_an_alarm(
    odd: Assembly, plain: Assembly, variants: Variants
) -> None:
    found = alarm(odd, "Unrecognized")
    result, *inputs = found["Metrics"]
    asked = {each["Id"]: each["MetricStat"] for each in inputs}
    assert {(each["Metric"]["MetricName"], each["Period"]) for each in asked.values()} == {
        ("Recognized", 3600)
    }
    assert {name: each["Stat"] for name, each in asked.items()} == {
        "share": "Average",
        "photos": "SampleCount",
    }

    def is_raised(recognized: int, photos: int) -> bool:
        """Whether an hour of so many photos, and so many recognized, is one that raises it."""
        values = {
            "share": recognized / photos,
            "photos": photos,
            "IF": lambda so, a, b: a if so else b,
        }
        percent = eval(result["Expression"], {}, values)
        return bool(percent < found["Threshold"])

    assert [is_raised(84, 100), is_raised(85, 100), is_raised(0, 20)] == [True, False, True]
    assert not is_raised(0, 19)  # a few photos are chance
    assert (found["ComparisonOperator"], found["EvaluationPeriods"]) == ("LessThanThreshold", 3)
    assert found["TreatMissingData"] == "notBreaching"  # no photos, or a model without a threshold
    assert found["AlarmActions"]
    assert alarm(plain, "Unrecognized")["Threshold"] == 70
    assert not [each for each in alarms(variants["iam"]) if each.startswith("Unrecognized")]


def test_the_dashboard_shows_what_the_model_recognizes_in_each_hour(odd: Assembly) -> None:
    body = json.dumps(odd.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    widgets = body.replace("\\", "").split('"type":"metric"')
    (widget,) = [each for each in widgets if '"Recognized"' in each]
    assert '"Top1Softmax"' in widget
    assert widget.count('"period":3600') == 3  # of the share, its expression and the mean


def test_a_model_that_was_not_copied_to_the_file_system_raises_an_alarm(
    variants: Variants,
) -> None:
    assert alarm(variants["efs"], "UnsyncedModels")["AlarmActions"]


def test_metrics_are_read_from_where_the_functions_emit_them_to(odd: Assembly) -> None:
    assert NAMESPACE == EMITTED_TO
    own = [each for each in alarms(odd).values() if each.get("Namespace") == NAMESPACE]
    assert {json.dumps(each["Dimensions"]) for each in own} == {
        '[{"Name": "Environment", "Value": "odd"}]'
    }


@pytest.mark.parametrize("name", ["odd", "http", "snapstart"])
def test_a_watch_asks_for_the_functions_and_the_api_that_are_deployed(
    variants: Variants, name: str
) -> None:
    assembly = variants[name]
    named = {
        str(each["Properties"].get(key))
        for kind, key in (("Lambda::Function", "FunctionName"), ("ApiGateway::RestApi", "Name"))
        for each in assembly.resources(f"AWS::{kind}")
    }
    own = {f"warmlens-{assembly.env_name}-{part}" for part in ("classifier", "warmer")} & named
    kind = "http" if name == "http" else "rest"
    outputs = {"ApiKind": kind, "ApiId": "id", "ClassifierFunction": min(own)}
    if len(own) == 2:
        outputs["WarmerFunction"] = max(own)
    none: Any = None
    deployment = Deployment(
        assembly.env_name, outputs, s3=none, lambda_=none, local_url=None, api_auth=lambda: None
    )
    asked = [metric for metric, _ in queries_of(deployment).values()]
    assert (len(asked) == READ) == (len(own) == 2)
    assert {each.namespace for each in asked} == {NAMESPACE, "AWS/Lambda", "AWS/ApiGateway"}
    of_aws = {each.dimension for each in asked if each.namespace != NAMESPACE}
    assert {value for key, value in of_aws if key != "ApiId"} <= named
    assert (("ApiId", "id") in of_aws) == (name == "http")
    documented = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert all(f"| `{each.name}` |" in documented for each in asked if each.namespace == NAMESPACE)


def test_the_dashboard_shows_use_errors_time_warmth_and_cost(odd: Assembly) -> None:
    body = json.dumps(odd.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for words in (
        "Requests to the API",
        "Answers that were errors",
        "Time in the function",
        "cold start",
        "Init of new instances",
        "Warm instances",
        "Estimated cost of 1,000 requests",
    ):
        assert words in body


def test_the_dashboard_shows_users_cold_starts_apart_from_those_absorbed(
    odd: Assembly, variants: Variants
) -> None:
    shown = {
        "odd": {"ColdStart", "ColdStartAhead", "WakeRefused", "ColdStartsAbsorbed"},
        "snapstart": {"ColdStart", "ColdStartAhead", "WakeRefused"},
        "provisioned": {"ColdStart"},
    }
    every = shown["odd"]
    for name, expected in shown.items():
        body = json.dumps(variants[name].only("AWS::CloudWatch::Dashboard")["DashboardBody"])
        assert {each for each in every if f'"{each}' in body.replace("\\", "")} == expected


def test_a_canary_goes_back_by_itself_on_errors_faults_and_models_that_do_not_load(
    odd: Assembly, plain: Assembly, variants: Variants
) -> None:
    for assembly, strategy in (
        (odd, "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"),
        (plain, "CodeDeployDefault.LambdaCanary10Percent5Minutes"),
    ):
        group = assembly.only("AWS::CodeDeploy::DeploymentGroup")
        assert group["DeploymentConfigName"] == strategy
        watched = json.dumps(group["AlarmConfiguration"]["Alarms"])
        for name in ("Errors", "Faults", "ModelLoadFailures"):
            assert f"CanaryAlarms{name}" in watched
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        (alias,) = assembly.resources("AWS::Lambda::Alias")
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    assert "AWS::CodeDeploy::DeploymentGroup" not in variants["bare"].kinds


def test_a_deployment_that_was_taken_back_is_mailed_and_not_each_call_that_failed(
    odd: Assembly,
) -> None:
    application = odd.only("AWS::CodeDeploy::Application")["ApplicationName"]
    (rule,) = (
        each["Properties"]
        for each in odd.resources("AWS::Events::Rule")
        if each["Properties"].get("EventPattern", {}).get("source") == ["aws.codedeploy"]
    )
    pattern = rule["EventPattern"]
    assert pattern["detail"] == {"application": [application], "state": ["FAILURE", "STOP"]}
    assert "Alarms" in json.dumps(rule["Targets"])
    mailed = {name for name, each in alarms(odd).items() if each.get("AlarmActions")}
    assert mailed
    assert not [name for name in mailed if "CanaryAlarms" in name]


def test_what_only_the_gateway_meets_raises_an_alarm(odd: Assembly) -> None:
    (found,) = (each for name, each in alarms(odd).items() if name.startswith("ApiErrors"))
    assert found["Namespace"] == "AWS/ApiGateway"
    assert found["MetricName"] == "5XXError"
    assert found["AlarmActions"]


@pytest.mark.parametrize("name", ["plain", "http"])
def test_what_is_kept_of_each_call_costs_little(variants: dict[str, Assembly], name: str) -> None:
    """Docs: a photo's logs and traces, docs/choices.md."""
    templates = variants[name].templates.values()
    every = [each for template in templates for each in template["Resources"].values()]
    kinds: dict[str, list[dict[str, Any]]] = {}
    for each in every:
        kinds.setdefault(each["Type"], []).append(each.get("Properties", {}))
    classes = [each.get("LogGroupClass") for each in kinds["AWS::Logs::LogGroup"]]
    assert classes.count("INFREQUENT_ACCESS") == 1  # the API's access log
    ours = [each for each in kinds["AWS::Lambda::Function"] if "LoggingConfig" in each]
    levels = [each["LoggingConfig"].get("SystemLogLevel") for each in ours]
    assert levels.count("WARN") == 3  # those of the classifier, of uploads and of the warmer
    rules = [each["SamplingRule"] for each in kinds.get("AWS::XRay::SamplingRule", [])]
    modes = {each.get("TracingConfig", {}).get("Mode") for each in ours} - {None}
    if name == "http":
        assert (rules, modes) == ([], set())
    else:
        (rule,) = rules
        assert (rule["FixedRate"], rule["ReservoirSize"]) == (photo.TRACED, 0)
        assert rule["ServiceName"] == f"warmlens-{name}-api/v1"
        assert modes == {"Active"}
