"""Dashboard and alarms."""

import json

from lambda_src.classifier.logs import NAMESPACE as EMITTED_TO
from stacks.constructs.metrics import NAMESPACE
from tests.infrastructure.variants import Assembly

Variants = dict[str, Assembly]


def alarms(assembly: Assembly) -> dict[str, dict[str, object]]:
    return {
        str(logical_id): resource["Properties"]
        for name, template in assembly.templates.items()
        if "observability" in name
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def alarm(assembly: Assembly, beginning: str) -> dict[str, object]:
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
