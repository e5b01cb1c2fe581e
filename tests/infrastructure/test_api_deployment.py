"""The API's deployment: which changes go live, what is logged and what is billed."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from stacks import api_schema
from stacks.constructs import gateway_errors
from stacks.rest_api import RestApiStack
from stacks.settings import Settings
from tests.infrastructure.variants import CONTEXT, Assembly

SCHEMAS = ("CLASSIFICATION_REQUEST", "WAKEUP_REQUEST", "UPLOADS_REQUEST")
# What a deployment copies, and what stands beside it.
IN_DEPLOYMENT = {"RestApi", "Resource", "Method", "Model", "RequestValidator", "GatewayResponse"}
BESIDE_IT = {"Deployment", "Stage", "Account", "ApiKey", "UsagePlan", "UsagePlanKey"}


def api_template(folder: Path, **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"env_name": "test", "waf": False, **changes}
    app = cdk.App(outdir=str(folder), context=CONTEXT)
    other = cdk.Stack(app, "other")
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:classifier:live"
    RestApiStack(
        app,
        "api",
        settings=Settings(**settings),
        classifier=lambda_.Function.from_function_attributes(
            other, "Classifier", function_arn=arn, skip_permissions=True
        ),
        images=s3.Bucket(other, "Images"),
    )
    app.synth()
    template: dict[str, Any] = json.loads((folder / "api.template.json").read_text())
    return template


def deployment_id(template: dict[str, Any]) -> str:
    """The id of the deployment, by which CloudFormation decides whether to make a new one."""
    (logical_id,) = (
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::ApiGateway::Deployment"
    )
    (stage,) = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ApiGateway::Stage"
    )
    assert stage["DeploymentId"] == {"Ref": logical_id}
    return str(logical_id)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> str:
    return deployment_id(api_template(tmp_path_factory.mktemp("before")))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_changed_request_schema_goes_live(
    name: str, before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = copy.deepcopy(getattr(api_schema, name))
    changed["required"].append("reason")
    monkeypatch.setattr(api_schema, name, changed)
    assert deployment_id(api_template(tmp_path)) != before


def test_a_changed_error_of_the_gateway_goes_live(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = apigateway.ResponseType.BAD_REQUEST_BODY
    error = gateway_errors.GatewayError(kind, "400", "invalid_request", "Another hint.")
    monkeypatch.setitem(gateway_errors._ERRORS, "BadRequestBody", error)
    assert deployment_id(api_template(tmp_path)) != before


@pytest.mark.parametrize(
    "changes", [{"auth": "none"}, {"cors_origins": ("https://a.example",)}], ids=str
)
def test_a_changed_setting_of_the_calls_goes_live(
    changes: dict[str, Any], before: str, tmp_path: Path
) -> None:
    assert deployment_id(api_template(tmp_path, **changes)) != before


def test_what_no_call_meets_makes_no_new_deployment(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The functions check the fields, and the gateway does not.
    changed = copy.deepcopy(api_schema.CLASSIFICATION_REQUEST)
    changed["properties"]["file_path"]["maxLength"] = 40
    monkeypatch.setattr(api_schema, "CLASSIFICATION_REQUEST", changed)
    unrelated: dict[str, Any] = {
        "memory_mb": 3000,
        "upload_expires_s": 60,
        "model_version": "2.0.0",
        "throttle_rate_rps": 77,
        "log_retention_days": 7,
        "daily_quota": 5,
    }
    assert deployment_id(api_template(tmp_path, **unrelated)) == before


def test_every_part_of_the_api_is_made_before_the_deployment_that_copies_it(
    assembly: Assembly,
) -> None:
    for template in assembly.templates.values():
        kinds = {
            name: resource["Type"].removeprefix("AWS::ApiGateway::")
            for name, resource in template["Resources"].items()
            if resource["Type"].startswith("AWS::ApiGateway::")
        }
        if not kinds:
            continue
        # A part of another kind has to enter the deployment's id, too: see RestApiStack._add_call.
        assert set(kinds.values()) <= IN_DEPLOYMENT | BESIDE_IT
        (deployment,) = (name for name, kind in kinds.items() if kind == "Deployment")
        waits_for = set(template["Resources"][deployment]["DependsOn"])
        copied = {name for name, kind in kinds.items() if kind in IN_DEPLOYMENT - {"RestApi"}}
        assert copied <= waits_for


def test_the_log_of_the_gateways_errors_ends_with_the_stack_and_is_made_before_the_stage(
    assembly: Assembly,
) -> None:
    """API Gateway makes the group of this name itself if there is none, and never removes it."""
    (template,) = (
        each
        for each in assembly.templates.values()
        if any(part["Type"] == "AWS::ApiGateway::Stage" for part in each["Resources"].values())
    )
    (stage,) = (
        part for part in template["Resources"].values() if part["Type"] == "AWS::ApiGateway::Stage"
    )
    (api_id,) = (
        name
        for name, part in template["Resources"].items()
        if part["Type"] == "AWS::ApiGateway::RestApi"
    )
    name_of_aws = ["API-Gateway-Execution-Logs_", {"Ref": api_id}, "/v1"]
    groups = {
        name: part
        for name, part in template["Resources"].items()
        if part["Type"] == "AWS::Logs::LogGroup"
        and part["Properties"].get("LogGroupName") == {"Fn::Join": ["", name_of_aws]}
    }
    levels = {each["LoggingLevel"] for each in stage["Properties"]["MethodSettings"]}
    if levels == {"OFF"}:
        assert groups == {}
        return
    ((name, group),) = groups.items()
    assert stage["Properties"]["StageName"] == "v1"
    assert name in stage["DependsOn"]
    assert group["DeletionPolicy"] == "Delete"


def test_every_function_logs_into_a_group_of_its_stack(assembly: Assembly) -> None:
    """Lambda makes a group without an end for any other function, CDK's own among them."""
    for template in assembly.templates.values():
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Lambda::Function":
                group = resource["Properties"].get("LoggingConfig", {}).get("LogGroup")
                assert group is not None, name
                assert template["Resources"][group["Ref"]]["Type"] == "AWS::Logs::LogGroup"


def test_metrics_of_single_calls_are_not_bought_as_nothing_reads_them(assembly: Assembly) -> None:
    (stage,) = assembly.resources("AWS::ApiGateway::Stage")
    for each in stage["Properties"]["MethodSettings"]:
        assert each.get("MetricsEnabled", False) is False
    for template in assembly.templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"):
                # The dimension that they have and the metrics of the whole API have not.
                assert "Method" not in re.findall(r"\w+", json.dumps(resource["Properties"]))
