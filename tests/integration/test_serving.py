"""Serving another model version, and the one before again, while the environment runs."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.conftest import Cloud, run_here
from tests.integration import serving_harness
from tests.integration.serving_harness import (
    FUNCTION,
    answer,
    model,
    models_bucket,
    publish,
    publish_what_is_no_model,
    served,
)
from tests.unit.registry.version_copy import NAME, VERSION, edit_manifest
from warmlens.errors import WarmlensError
from warmlens.local.aws import ENV_NAME
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.catalog import find_version
from warmlens.registry.serving import ALIAS, Serving
from warmlens.registry.store import Store

module_cloud = serving_harness.module_cloud  # fixtures
own_cloud = serving_harness.own_cloud
artifacts = serving_harness.artifacts
MEMORY_MB = 2048


def test_a_published_version_is_served_and_rolled_back_without_a_deploy(
    own_cloud: Cloud, artifacts: Path
) -> None:
    publish(own_cloud, artifacts, "1.2.0")
    assert answer(own_cloud)["version"] == VERSION  # publishing alone changes nothing
    stacks = own_cloud.client("cloudformation").describe_stacks()["Stacks"]

    assert "1.2.0 now" in model(own_cloud, "serve", NAME, "1.2.0")
    first = answer(own_cloud)
    assert (first["TOP1_label"], first["version"]) == ("espresso", "1.2.0")
    assert first["cold_start"] is False  # the instance that tried the version out
    assert served(own_cloud) == "1.2.0"

    assert f"{VERSION} now" in model(own_cloud, "rollback")
    assert answer(own_cloud)["version"] == VERSION
    assert answer(own_cloud)["cold_start"] is False  # its instance is still there
    assert served(own_cloud) == VERSION
    assert own_cloud.client("cloudformation").describe_stacks()["Stacks"] == stacks


@pytest.mark.slow
def test_each_rollback_goes_one_model_further_back(own_cloud: Cloud, artifacts: Path) -> None:
    for version in ("1.2.0", "1.3.0"):
        publish(own_cloud, artifacts, version)
        model(own_cloud, "serve", NAME, version)
    assert "already" in model(own_cloud, "serve", NAME, "1.3.0")
    told = json.loads(model(own_cloud, "serve", NAME, "1.3.0", "--json"))
    assert told["before"] == told["after"]
    assert (told["after"]["name"], told["after"]["version"]) == (NAME, "1.3.0")
    for version in ("1.2.0", VERSION):
        model(own_cloud, "rollback")
        assert answer(own_cloud)["version"] == version
    model(own_cloud, "rollback", refused="nothing_to_roll_back_to")
    assert answer(own_cloud)["version"] == VERSION


def test_a_model_that_does_not_load_never_gets_a_users_call(
    own_cloud: Cloud, artifacts: Path
) -> None:
    publish_what_is_no_model(own_cloud.client("s3"), artifacts.parent / "no-model")
    said = model(own_cloud, "serve", NAME, "6.6.6", refused="model_unavailable")
    assert "6.6.6" in said
    assert answer(own_cloud)["version"] == VERSION
    configuration = own_cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    assert configuration["Environment"]["Variables"]["MODEL_VERSION"] == VERSION
    publish(own_cloud, artifacts, "1.2.0")
    model(own_cloud, "serve", NAME, "1.2.0")
    # What was refused was never served, so it is not what was served before.
    model(own_cloud, "rollback")
    assert answer(own_cloud)["version"] == VERSION


def test_a_model_whose_snapshot_fails_is_never_served_and_leaves_no_version(
    own_cloud: Cloud, artifacts: Path
) -> None:
    """With SnapStart, Lambda loads the model when the version is published."""
    publish(own_cloud, artifacts, "1.2.0")
    functions, s3 = own_cloud.client("lambda"), own_cloud.client("s3")
    why = "Error in the function's initialization code"

    def fail(parsed: dict[str, Any], **_: Any) -> None:  # the emulator takes no snapshots
        if parsed.get("Version") not in ("$LATEST", "1"):
            parsed |= {"State": "Failed", "StateReason": why}

    functions.meta.events.register("after-call.lambda.GetFunctionConfiguration", fail)
    serving = Serving(functions, FUNCTION, Store(s3, models_bucket(s3), ENV_NAME))
    with pytest.raises(WarmlensError) as refused:
        serving.serve(NAME, "1.2.0")
    assert refused.value.code == "model_unavailable"
    assert why in str(refused.value)
    found = functions.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    assert {each["Version"] for each in found} == {"$LATEST", "1"}
    assert answer(own_cloud)["version"] == VERSION
    latest = own_cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    assert latest["Environment"]["Variables"]["MODEL_VERSION"] == VERSION


def test_a_model_that_the_role_may_not_read_is_refused_with_the_setting_that_allows_it(
    own_cloud: Cloud, artifacts: Path
) -> None:
    """An environment that was deployed before it had the output is refused by its role alone."""
    functions, iam = own_cloud.client("lambda"), own_cloud.client("iam")
    role = functions.get_function_configuration(FunctionName=FUNCTION)["Role"].rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    allowed = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    bucket = models_bucket(own_cloud.client("s3"))
    narrow = json.dumps(allowed).replace(f"{bucket}/*", f"{bucket}/{NAME}/*")
    (artifacts / NAME).rename(artifacts / "another")
    edit_manifest(artifacts / "another" / "1.2.0", "name", "another")
    model(own_cloud, "publish", "another", "1.2.0", "--models", str(artifacts))

    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=narrow)
    try:
        said = model(own_cloud, "serve", "another", "1.2.0", refused="model_unavailable")
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(allowed))
    assert "other_models" in said
    assert answer(own_cloud)["model"] == NAME
    model(own_cloud, "serve", "another", "1.2.0")
    assert answer(own_cloud)["model"] == "another"


def test_a_model_that_the_settings_do_not_name_is_refused_before_anything_changes(
    own_cloud: Cloud, artifacts: Path
) -> None:
    publish(own_cloud, artifacts, "1.2.0")
    functions, ssm = own_cloud.client("lambda"), own_cloud.client("ssm")
    before = functions.get_function_configuration(FunctionName=FUNCTION)["RevisionId"]
    name = "/warmlens/local/ServableModels"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "*"

    def serve_with(servable: str, refused: str | None = None) -> str:
        ssm.put_parameter(Name=name, Value=servable, Overwrite=True)
        try:
            return model(own_cloud, "serve", NAME, "1.2.0", refused=refused)
        finally:
            ssm.put_parameter(Name=name, Value="*", Overwrite=True)

    said = serve_with("mine fruit", refused="model_unavailable")
    assert "may serve mine, fruit." in said
    assert f"Add {NAME} to other_models in environments.py and deploy" in said
    now = functions.get_function_configuration(FunctionName=FUNCTION)
    assert now["RevisionId"] == before
    serve_with(f"mine {NAME}")
    assert answer(own_cloud)["version"] == "1.2.0"


def test_models_in_the_image_are_changed_without_a_bucket(own_cloud: Cloud) -> None:
    """The pool runs the source and no image, so the folder of the image is one outside it."""
    functions, s3 = own_cloud.client("lambda"), own_cloud.client("s3")
    variables = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]
    in_image = {**variables["Variables"], "MODELS_FOLDER": str(MODEL_ARTIFACTS)}
    del in_image["MODELS_BUCKET"]
    functions.update_function_configuration(
        FunctionName=FUNCTION, Environment={"Variables": in_image}
    )
    deployed = functions.publish_version(FunctionName=FUNCTION)["Version"]
    functions.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=deployed)
    other, _, version = find_version(MODEL_ARTIFACTS, "products-resnet50").partition("@")
    outputs = {"ClassifierFunction": FUNCTION, "ServableModels": f"{NAME} {other}"}
    serving = Serving.of(outputs, functions, s3, ENV_NAME)

    assert serving.serve(other, version).before.name == NAME
    assert answer(own_cloud)["model"] == other
    with pytest.raises(WarmlensError, match=r"9.9.9/manifest.json is not in") as refused:
        serving.serve(NAME, "9.9.9")
    assert refused.value.code == "model_unavailable"
    assert serving.rollback().after.name == NAME
    assert answer(own_cloud)["model"] == NAME


def test_what_is_not_published_or_was_damaged_is_not_served(
    own_cloud: Cloud, artifacts: Path
) -> None:
    refused = model(own_cloud, "serve", NAME, "1.2.0", refused="not_published")
    assert refused.endswith(f"warmlens model publish {NAME} 1.2.0 --env local\n")
    publish(own_cloud, artifacts, "1.2.0")
    s3 = own_cloud.client("s3")
    key, bucket = f"{NAME}/1.2.0/model.onnx", models_bucket(s3)
    whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    for code, content in (
        ("wrong_bytes", whole[: len(whole) // 2]),
        ("wrong_sha256", whole[:-1] + b"\0"),
    ):
        s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256")
        model(own_cloud, "serve", NAME, "1.2.0", refused=code)
        assert run_verify(own_cloud, "1.2.0") == 1
    s3.delete_object(Bucket=bucket, Key=key)
    model(own_cloud, "serve", NAME, "1.2.0", refused="file_missing")
    assert run_verify(own_cloud, VERSION) == 0
    assert answer(own_cloud)["version"] == VERSION


def test_a_version_that_was_damaged_is_mended_by_publishing_it_again_and_then_served(
    own_cloud: Cloud, artifacts: Path
) -> None:
    publish(own_cloud, artifacts, "1.2.0")
    s3 = own_cloud.client("s3")
    bucket = models_bucket(s3)
    s3.put_object(Bucket=bucket, Key=f"{NAME}/1.2.0/model.onnx", Body=b"cut")
    s3.delete_object(Bucket=bucket, Key=f"{NAME}/1.2.0/labels.json")
    command = ("publish", NAME, "1.2.0", "--models", str(artifacts))
    said = f"Repaired {NAME} 1.2.0 in {bucket}: model.onnx, labels.json.\n"
    assert model(own_cloud, *command) == said
    assert run_verify(own_cloud, "1.2.0") == 0
    model(own_cloud, "serve", NAME, "1.2.0")
    assert answer(own_cloud)["TOP1_label"] == "espresso"
    told = json.loads(model(own_cloud, *command, "--json"))
    assert (told["published"], told["keys"], told["repaired"]) == (False, [], [])
    assert model(own_cloud, *command) == f"{NAME} 1.2.0 is in {bucket} already, unchanged.\n"


def run_verify(cloud: Cloud, version: str) -> int:
    place = ("--env", "local", "--folder", str(cloud.folder))
    return run_here("model", "verify", NAME, version, *place).returncode


def test_a_rollback_after_a_deploy_takes_back_the_model_and_nothing_else(
    own_cloud: Cloud, artifacts: Path
) -> None:
    publish(own_cloud, artifacts, "1.2.0")
    model(own_cloud, "serve", NAME, "1.2.0")
    functions = own_cloud.client("lambda")
    functions.update_function_configuration(FunctionName=FUNCTION, MemorySize=MEMORY_MB)
    deployed = functions.publish_version(FunctionName=FUNCTION)["Version"]
    functions.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=deployed)

    model(own_cloud, "rollback")
    assert answer(own_cloud)["version"] == VERSION
    live = functions.get_function_configuration(FunctionName=FUNCTION, Qualifier=ALIAS)
    assert live["MemorySize"] == MEMORY_MB


def test_a_deploy_of_the_model_that_is_served_already_makes_a_version_of_its_own(
    own_cloud: Cloud, artifacts: Path
) -> None:
    """Lambda publishes no version of what equals the last one, and CloudFormation then fails.

    The emulator compares revisions instead, so what Lambda would compare is compared here.
    """
    functions = own_cloud.client("lambda")
    deployed = functions.get_function_configuration(FunctionName=FUNCTION, Qualifier=ALIAS)
    publish(own_cloud, artifacts, "1.2.0")
    for step in (("serve", NAME, "1.2.0"), ("rollback",), ("serve", NAME, "1.2.0")):
        model(own_cloud, *step)
        versions = functions.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
        last = max((each for each in versions if each["Version"] != "$LATEST"), key=number)
        for version in (VERSION, "1.2.0"):
            wanted = {**deployed["Environment"]["Variables"], "MODEL_VERSION": version}
            assert last["Environment"]["Variables"] != wanted
    templates = (Path(__file__).parents[1] / "infrastructure" / "__snapshots__").rglob("*.json")
    assert not [path for path in templates if "SERVED_BY" in path.read_text()]


def number(version: dict[str, Any]) -> int:
    return int(version["Version"])


def test_old_versions_are_deleted_except_those_that_are_needed(
    own_cloud: Cloud, artifacts: Path
) -> None:
    functions = own_cloud.client("lambda")
    published = [publish_function(functions, f"served {each}", SERVED) for each in range(3)]
    published += [publish_function(functions, "deployed", {})]
    published += [publish_function(functions, f"served {each}", SERVED) for each in range(3, 15)]
    aliased, weighted, provisioned, deployed, *others = published
    functions.create_alias(
        FunctionName=FUNCTION,
        Name="other",
        FunctionVersion=aliased,
        RoutingConfig={"AdditionalVersionWeights": {weighted: 0.1}},
    )
    functions.put_provisioned_concurrency_config(
        FunctionName=FUNCTION, Qualifier=provisioned, ProvisionedConcurrentExecutions=1
    )
    publish(own_cloud, artifacts, "1.2.0")
    model(own_cloud, "serve", NAME, "1.2.0")
    now = functions.get_alias(FunctionName=FUNCTION, Name=ALIAS)["FunctionVersion"]
    functions.delete_alias(FunctionName=FUNCTION, Name="other")
    functions.delete_provisioned_concurrency_config(FunctionName=FUNCTION, Qualifier=provisioned)

    found = functions.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    left = {each["Version"] for each in found} - {"$LATEST"}
    newest = {*others[-9:], now}
    assert left == {aliased, weighted, provisioned, deployed, *newest}
    assert answer(own_cloud)["version"] == "1.2.0"


SERVED = {"SERVED_BY": "warmlens model serve"}


def publish_function(functions: Any, description: str, trace: dict[str, str]) -> str:
    """Publish a version as a deploy or, with its trace, as `serve` does."""
    now = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    variables = {key: value for key, value in now.items() if key not in SERVED} | trace
    functions.update_function_configuration(
        FunctionName=FUNCTION, Description=description, Environment={"Variables": variables}
    )
    return str(functions.publish_version(FunctionName=FUNCTION)["Version"])


def test_what_serve_cannot_delete_is_reported_and_the_model_is_served(
    own_cloud: Cloud, artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(own_cloud, artifacts, "1.2.0")

    def refuse(*_: object) -> None:
        raise WarmlensError("function_refused", "You may not list versions.")

    monkeypatch.setattr("warmlens.registry.pruning.prune_versions", refuse)
    place = ("--env", "local", "--folder", str(own_cloud.folder))
    result = run_here("model", "serve", NAME, "1.2.0", *place)
    assert result.returncode == 0
    assert "1.2.0 now" in result.stdout
    assert "were not deleted: You may not list versions." in result.stderr


def test_nothing_is_changed_while_a_deployment_shifts_calls(
    own_cloud: Cloud, artifacts: Path
) -> None:
    publish(own_cloud, artifacts, "1.2.0")
    functions, s3 = own_cloud.client("lambda"), own_cloud.client("s3")

    class Shifting:
        """Lambda in the middle of a canary, which the emulator does not do."""

        def get_alias(self, **_: str) -> dict[str, Any]:
            weights = {"AdditionalVersionWeights": {"2": 0.1}}
            return {"FunctionVersion": "1", "RoutingConfig": weights}

        def __getattr__(self, name: str) -> Any:
            return getattr(functions, name)

    serving = Serving(cast(Any, Shifting()), FUNCTION, Store(s3, models_bucket(s3), ENV_NAME))
    with pytest.raises(WarmlensError) as refused:
        serving.serve(NAME, "1.2.0")
    assert refused.value.code == "deployment_in_progress"
    with pytest.raises(WarmlensError) as refused:
        serving.rollback()
    assert refused.value.code == "deployment_in_progress"
