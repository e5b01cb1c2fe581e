"""Rules for the templates of every environment."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from app import stages
from lambda_src.classifier.config import ClassifierConfig
from stacks import api_schema
from tests.infrastructure.variants import Assembly
from warmlens.paths import WEB


def test_templates_pass_cfn_lint_without_errors(cloud_assembly: Path) -> None:
    folders = sorted(cloud_assembly.glob("assembly-*"))
    assert len(folders) == len(stages())
    templates = [path for folder in folders for path in folder.glob("*.template.json")]
    assert all(len(list(folder.glob("*.template.json"))) >= 3 for folder in folders)
    # All in one process, since its start takes as long as one environment.
    result = subprocess.run(
        [
            str(Path(sys.executable).parent / "cfn-lint"),
            "--non-zero-exit-code",
            "error",
            "-t",
            *map(str, templates),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_no_bucket_is_public_and_every_bucket_asks_for_tls(assembly: Assembly) -> None:
    buckets = assembly.resources("AWS::S3::Bucket")
    assert len(buckets) >= 2
    for bucket in buckets:
        block = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        assert len(block) == 4
        assert "BucketEncryption" in bucket["Properties"]
        (rule,) = bucket["Properties"]["OwnershipControls"]["Rules"]
        assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}  # no access by ACLs
    for condition in (
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    ):
        denied = {
            statement["Resource"][0]["Fn::GetAtt"][0]
            for policy in assembly.resources("AWS::S3::BucketPolicy")
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
            and statement["Condition"] == condition
        }
        assert len(denied) == len(buckets)


def test_nothing_but_codedeploy_the_gateways_logs_and_cdk_itself_has_a_policy_of_aws(
    assembly: Assembly,
) -> None:
    allowed = (
        "AWSCodeDeployRoleForLambdaLimited",
        "AmazonAPIGatewayPushToCloudWatchLogs",
    )
    for template in assembly.templates.values():
        for logical_id, role in template["Resources"].items():
            policies = role.get("Properties", {}).get("ManagedPolicyArns", [])
            if role["Type"] == "AWS::IAM::Role" and policies and "Custom" not in logical_id:
                assert all(
                    json.dumps(policy).rstrip('"]}').endswith(allowed) for policy in policies
                )


def test_a_model_that_is_overwritten_or_deleted_can_be_restored(assembly: Assembly) -> None:
    versioned = [
        logical_id.startswith("Models")
        for template in assembly.templates.values()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::S3::Bucket"
        and resource["Properties"].get("VersioningConfiguration") == {"Status": "Enabled"}
    ]
    assert sum(versioned) == 1


def test_the_classifier_reads_its_model_and_two_prefixes_and_writes_its_log_alone(
    assembly: Assembly,
) -> None:
    settings = next(each for each in stages() if each.env_name == assembly.env_name)
    statements = assembly.statements("ClassifierRole")
    reads = [statement for statement in statements if statement["Action"] == "s3:GetObject"]
    models = [f"/{name}/*".replace("*/*", "*") for name in settings.servable_models]
    assert sorted(_keys(reads)) == sorted([*models, "/uploads/*", "/test/*"])
    assert_writes_log_and_traces_alone(statements, besides=reads)


def test_the_uploads_function_puts_and_deletes_below_one_prefix_and_wakes_one_alias_alone(
    assembly: Assembly,
) -> None:
    statements = assembly.statements("UploadsFunctionRole")
    puts = [
        each for each in statements if set(each["Action"]) == {"s3:PutObject", "s3:DeleteObject"}
    ]
    assert _keys(puts) == ["/uploads/*"]
    (wakes,) = (each for each in statements if each["Action"] == "lambda:InvokeFunction")
    assert "ClassifierLive" in wakes["Resource"]["Fn::GetStackOutput"]["OutputName"]
    assert_writes_log_and_traces_alone(statements, besides=[*puts, wakes])


def test_a_wakeup_ahead_that_comes_late_is_dropped(assembly: Assembly) -> None:
    """By Lambda's defaults a throttled one would come back for six hours."""
    (configuration,) = (
        properties
        for each in assembly.resources("AWS::Lambda::EventInvokeConfig")
        if "Classifier" in json.dumps(properties := each["Properties"])
    )
    assert "ClassifierLive" in json.dumps(configuration["Qualifier"])
    assert configuration["MaximumRetryAttempts"] == 0
    assert configuration["MaximumEventAgeInSeconds"] == 60
    assert "DestinationConfig" not in configuration
    assert "DeadLetterConfig" not in assembly.function("classifier")


def assert_writes_log_and_traces_alone(
    statements: list[dict[str, Any]], *, besides: list[dict[str, Any]]
) -> None:
    """What is left may write one log group, and say to X-Ray what was done."""
    left = [statement for statement in statements if statement not in besides]
    log = [each for each in left if "logs:PutLogEvents" in each["Action"]]
    assert len(log) == 1
    assert set(log[0]["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert "Logs" in log[0]["Resource"]["Fn::GetAtt"][0]
    traces = [each for each in left if each not in log]
    assert all(
        set(each["Action"]) == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
        for each in traces
    )


def test_every_call_of_the_api_reaches_the_alias_or_the_uploads_function(
    assembly: Assembly,
) -> None:
    targets = [
        json.dumps(method["Properties"]["Integration"]["Uri"])
        for method in assembly.resources("AWS::ApiGateway::Method")
    ]
    assert len(targets) == 5
    # To classify, to wake, and to say which model is served.
    assert sum("ClassifierLive" in target for target in targets) == 3
    assert sum("UploadsFunction" in target for target in targets) == 2  # to upload and to delete
    assert not any("ClassifierFunction" in target for target in targets)


def test_every_call_of_the_api_has_its_required_fields_checked_by_its_own_schema(
    assembly: Assembly,
) -> None:
    models = {
        model["Properties"]["Name"]: model["Properties"]["Schema"]
        for model in assembly.resources("AWS::ApiGateway::Model")
    }
    for request in (
        api_schema.CLASSIFICATION_REQUEST,
        api_schema.WAKEUP_REQUEST,
        api_schema.UPLOADS_REQUEST,
    ):
        schema = dict(models[request["title"]])
        assert schema.pop("$schema").endswith("draft-04/schema#")
        # The gateway has one sentence for all that its schema refuses; the functions check fields.
        checked = {"type", "title", "description", "required"}
        assert schema == {key: request[key] for key in checked}
    (validator,) = assembly.resources("AWS::ApiGateway::RequestValidator")
    assert validator["Properties"]["ValidateRequestBody"] is True
    for method in assembly.resources("AWS::ApiGateway::Method"):
        if method["Properties"]["HttpMethod"] == "GET":
            continue  # has neither fields nor a body
        assert "RequestValidatorId" in method["Properties"]
        if method["Properties"]["HttpMethod"] == "DELETE":
            assert method["Properties"]["RequestParameters"] == {
                "method.request.querystring.file_path": True,
                "method.request.header.x-delete-token": True,
            }
        else:
            assert "application/json" in method["Properties"]["RequestModels"]


def test_the_api_is_called_in_the_region_it_is_deployed_to(assembly: Assembly) -> None:
    (api,) = assembly.resources("AWS::ApiGateway::RestApi")
    assert api["Properties"]["EndpointConfiguration"]["Types"] == ["REGIONAL"]


def test_gateway_errors_have_the_form_of_the_apis_own(assembly: Assembly) -> None:
    responses = assembly.resources("AWS::ApiGateway::GatewayResponse")
    kinds = {response["Properties"]["ResponseType"] for response in responses}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "BAD_REQUEST_BODY"} <= kinds
    statuses = {
        response["Properties"]["ResponseType"]: response["Properties"].get("StatusCode")
        for response in responses
    }
    assert (statuses["THROTTLED"], statuses["BAD_REQUEST_BODY"]) == ("429", "400")
    assert (statuses["DEFAULT_4XX"], statuses["DEFAULT_5XX"]) == (None, None)  # the error's own
    for response in responses:
        template = response["Properties"]["ResponseTemplates"]["application/json"]
        filled = template.replace("$context.error.messageString", '"The gateway\'s words."')
        error = json.loads(filled)["error"]
        assert set(error) == {"code", "message"}
        assert len(error["message"]) > 10
        assert "$" not in error["message"]


def test_the_page_has_words_for_each_code_that_the_gateway_answers(assembly: Assembly) -> None:
    words = (WEB / "problems.js").read_text()
    known = set(re.findall(r"^  ([a-z_]+):", words, re.MULTILINE))
    responses = assembly.resources("AWS::ApiGateway::GatewayResponse")
    codes = {
        re.findall(r'"code": "([a-z_]+)"', template)[0]
        for response in responses
        for template in response["Properties"]["ResponseTemplates"].values()
    }
    assert {"blocked", "quota_exceeded", "throttled"} <= codes
    assert codes - known == set()


def test_the_warmer_wakes_the_alias_that_the_api_calls(assembly: Assembly) -> None:
    settings = next(each for each in stages() if each.env_name == assembly.env_name)
    if settings.warming == "off":
        assert not assembly.resources("AWS::Scheduler::Schedule")
        return
    warmer = assembly.function("warmer")
    assert "ClassifierLive" in json.dumps(warmer["Environment"]["Variables"]["FUNCTION_ARN"])
    (schedule,) = assembly.resources("AWS::Scheduler::Schedule")
    minutes = settings.warming_period_min
    assert schedule["Properties"]["ScheduleExpression"] == f"rate({minutes} minutes)"
    assert schedule["Properties"]["State"] == "ENABLED"
    target = schedule["Properties"]["Target"]
    assert target["Arn"]["Fn::GetAtt"][0].startswith("Warmer")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1}
    assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("DeadLetters")
    payload = json.loads(target["Input"])
    assert payload == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    properties = {"Qualifier": "$LATEST"}
    (asynchronous,) = assembly.resources("AWS::Lambda::EventInvokeConfig", properties)
    failed = asynchronous["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
    assert failed["Fn::GetAtt"][0].startswith("DeadLetters")


def test_the_warmer_may_wake_the_alias_see_the_concurrency_and_claim_a_run_and_no_more(
    assembly: Assembly,
) -> None:
    if not assembly.resources("AWS::Scheduler::Schedule"):
        return
    statements = assembly.statements("WarmerRole")
    allowed = {
        action: json.dumps(statement["Resource"])
        for statement in statements
        for action in _as_list(statement["Action"])
        if not action.startswith(("logs:", "xray:"))  # as every function
    }
    assert set(allowed) == {
        "lambda:InvokeFunction",
        "lambda:GetFunctionConcurrency",
        "lambda:GetAccountSettings",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
        "ssm:GetParameter",
        "ssm:PutParameter",
    }
    assert "ClassifierLive" in allowed["lambda:InvokeFunction"]
    assert "ClassifierFunction" in allowed["lambda:GetFunctionConcurrency"]
    assert "Claim" in allowed["ssm:PutParameter"]
    assert [action for action in allowed if allowed[action] == '"*"'] == [
        "lambda:GetAccountSettings"
    ]


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_classifier_understands_the_environment_variables_it_is_given(
    assembly: Assembly,
) -> None:
    settings = next(each for each in stages() if each.env_name == assembly.env_name)
    function = assembly.function("classifier")
    variables = {
        name: value if isinstance(value, str) else "a-bucket"
        for name, value in function["Environment"]["Variables"].items()
    }
    memory_mb = str(function["MemorySize"])
    config = ClassifierConfig.from_environment(
        {**variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mb}
    )
    assert config == ClassifierConfig(
        images_bucket="a-bucket",
        image_prefixes=("uploads/", "test/"),
        models_bucket="a-bucket",
        models_folder=None,
        models_in_image=False,
        engine=settings.engine,
        model_name=settings.model_name,
        model_version=settings.model_version,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_decode_ms=settings.max_decode_ms,
        max_hold_ms=settings.max_hold_ms,
        metrics_environment=assembly.env_name,
        cors_origins=(),
        memory_mb=settings.memory_mb,
    )


def test_every_function_has_logs_that_end(assembly: Assembly) -> None:
    settings = next(each for each in stages() if each.env_name == assembly.env_name)
    groups = assembly.resources("AWS::Logs::LogGroup")
    retentions = {group["Properties"]["RetentionInDays"] for group in groups}
    assert retentions == {settings.log_retention_days}
    for name in ("classifier", "uploads"):
        assert "LogGroup" in assembly.function(name)["LoggingConfig"]


def test_data_outlives_the_stacks_where_the_settings_say_so(assembly: Assembly) -> None:
    settings = next(each for each in stages() if each.env_name == assembly.env_name)
    policies = {bucket["DeletionPolicy"] for bucket in assembly.resources("AWS::S3::Bucket")}
    assert policies == {"RetainExceptOnCreate" if settings.retain_data else "Delete"}
    emptied = bool(assembly.resources("Custom::S3AutoDeleteObjects"))
    assert emptied is settings.empty_buckets


def test_dev_costs_nothing_at_rest_and_leaves_nothing_behind(
    environments: dict[str, Assembly],
) -> None:
    dev = environments["dev"]
    assert not dev.resources("AWS::Scheduler::Schedule")
    kept = [
        logical_id
        for template in dev.templates.values()
        for logical_id, resource in template["Resources"].items()
        if {"Retain", "RetainExceptOnCreate"}
        & {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")}
        and resource["Type"] != "AWS::Lambda::Version"  # Lambda deletes them with their function
    ]
    assert kept == []
    assert len(dev.resources("Custom::S3AutoDeleteObjects")) == len(
        dev.resources("AWS::S3::Bucket")
    )


def test_a_deploy_leaves_the_version_before_to_go_back_to(assembly: Assembly) -> None:
    """CloudFormation deletes the version that a template no longer has, unless it is retained.

    A version whose deploy failed goes: Lambda would refuse to publish the same again.
    """
    for template in assembly.templates.values():
        aliased = {
            resource["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Alias"
        }
        for version in aliased:
            resource = template["Resources"][version]
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"
    assert assembly.resources("AWS::Lambda::Alias")


def test_data_of_staging_and_prod_is_kept(environments: dict[str, Assembly]) -> None:
    for env_name in ("staging", "prod"):
        buckets = environments[env_name].resources("AWS::S3::Bucket")
        policies = {bucket["DeletionPolicy"] for bucket in buckets}
        assert policies == {"RetainExceptOnCreate"}


def test_logs_end_with_their_stack(assembly: Assembly) -> None:
    groups = assembly.resources("AWS::Logs::LogGroup")
    assert {group["DeletionPolicy"] for group in groups} == {"Delete"}


def test_everything_is_tagged_so_that_its_cost_can_be_told(assembly: Assembly) -> None:
    wanted = [("environment", assembly.env_name), ("project", "warmlens")]
    own = [assembly.function(name) for name in ("classifier", "uploads")]
    for kind in ("AWS::S3::Bucket", "AWS::ApiGateway::RestApi"):
        own += [resource["Properties"] for resource in assembly.resources(kind)]
    for properties in own:
        tags = [(tag["Key"], tag["Value"]) for tag in properties["Tags"]]
        assert set(wanted) <= set(tags)


def _keys(statements: list[dict[str, Any]]) -> list[str]:
    """The object keys that statements name, as `/prefix*`; a whole bucket gives none."""
    keys = []
    for statement in statements:
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            keys.append(resource["Fn::Join"][1][-1])
    return keys
