"""The optional stack that classifies all photos below a prefix with Step Functions."""

import json
from typing import Any

import pytest

from stacks.batch import PHOTOS_IN_A_CHILD
from stacks.settings import Settings, SettingsError
from tests.infrastructure.variants import ODD, Assembly
from warmlens.batch import cost

MACHINE = "AWS::StepFunctions::StateMachine"


def definition(assembly: Assembly) -> dict[str, Any]:
    """The state machine's definition, with references as JSON in angle brackets."""
    _, parts = assembly.only(MACHINE)["DefinitionString"]["Fn::Join"]
    text = "".join(
        each if isinstance(each, str) else json.dumps(f"<{json.dumps(each)}>")[1:-1]
        for each in parts
    )
    return dict(json.loads(text))


def test_there_is_a_batch_stack_where_the_settings_ask_for_it(
    assemblies: dict[str, Assembly],
) -> None:
    for assembly in assemblies.values():
        assert (MACHINE in assembly.kinds) == (assembly.env_name in ("odd", "http"))


def test_it_is_traced_where_the_api_is(odd: Assembly, variants: dict[str, Assembly]) -> None:
    """With an HTTP API nothing is, as the setting says."""
    assert odd.only(MACHINE)["TracingConfiguration"] == {"Enabled": True}
    assert variants["http"].only(MACHINE)["TracingConfiguration"] == {"Enabled": False}


def test_photos_are_listed_by_a_prefix_and_batched_within_the_concurrency(odd: Assembly) -> None:
    photos = definition(odd)["States"]["Photos"]
    assert photos["MaxConcurrency"] == ODD.batch_concurrency == 4
    assert photos["ItemReader"]["Parameters"]["Prefix.$"] == "$.prefix"
    assert photos["ItemReader"]["Resource"].endswith(":states:::s3:listObjectsV2")
    assert photos["ItemBatcher"] == {"MaxItemsPerBatch": PHOTOS_IN_A_CHILD}
    assert cost.PHOTOS_IN_A_CHILD == PHOTOS_IN_A_CHILD
    assert photos["ToleratedFailurePercentage"] == 5
    config = photos["ItemProcessor"]["ProcessorConfig"]
    assert config == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    # One photo of a child after another, so that the children are as many as instances.
    assert photos["ItemProcessor"]["States"]["EachPhoto"]["MaxConcurrency"] == 1


def test_results_are_lines_of_json(odd: Assembly) -> None:
    writer = definition(odd)["States"]["Photos"]["ResultWriter"]
    assert writer["WriterConfig"] == {"OutputType": "JSONL", "Transformation": "FLATTEN"}
    assert writer["Parameters"]["Prefix"] == "results"


def test_the_alias_is_called_and_throttles_are_retried_apart_from_each_other(
    odd: Assembly,
) -> None:
    states = definition(odd)["States"]["Photos"]["ItemProcessor"]["States"]["EachPhoto"][
        "ItemProcessor"
    ]["States"]
    call = states["Classify"]
    assert "ClassifierLive" in call["Parameters"]["FunctionName"]
    assert call["Parameters"]["Payload"] == {
        "method": "classification",
        "file_path.$": "$.photo",
    }
    (retry,) = call["Retry"]
    assert "Lambda.TooManyRequestsException" in retry["ErrorEquals"]
    assert retry["JitterStrategy"] == "FULL"
    assert retry["BackoffRate"] > 1
    (catch,) = call["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    assert states[catch["Next"]]["Parameters"]["error"]["code.$"] == "$.failure.Error"


def test_its_role_reads_no_photo_and_calls_no_other_function(odd: Assembly) -> None:
    statements = odd.statements("MachineRole")
    assert all(each["Effect"] == "Allow" for each in statements)
    by_action = {
        action: each["Resource"]
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert "Results" in json.dumps(by_action["s3:GetObject"])
    assert "Results" in json.dumps(by_action["s3:PutObject"])
    assert "Images" in json.dumps(by_action["s3:ListBucket"])
    assert "ClassifierLive" in json.dumps(by_action["lambda:InvokeFunction"])
    assert "Machine" in json.dumps(by_action["states:StartExecution"])
    anywhere = {action for action, resource in by_action.items() if resource == "*"}
    assert {action.partition(":")[0] for action in anywhere} == {"logs", "xray"}


def test_results_expire_with_the_photos_and_are_private(odd: Assembly) -> None:
    template = next(each for name, each in odd.templates.items() if "batch" in name)
    (bucket,) = (
        each["Properties"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::S3::Bucket"
    )
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert ODD.image_expiry_days in [rule.get("ExpirationInDays") for rule in rules]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "BucketEncryption" in bucket


def test_errors_are_logged_without_photos_names_and_runs_are_traced(odd: Assembly) -> None:
    machine = odd.only(MACHINE)
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_a_batch_leaves_the_reserved_concurrency_that_users_need() -> None:
    values: dict[str, Any] = {"env_name": "test", "warming": "off", "reserved_concurrency": 10}
    assert Settings(**values, batch=True, batch_concurrency=9).batch
    with pytest.raises(SettingsError, match=r"batch_concurrency = 10; allowed is at most 9"):
        Settings(**values, batch=True, batch_concurrency=10)
    Settings(**values, batch_concurrency=10)
