"""Serving another model version, and the one before again, while the environment runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.conftest import Cloud, run_here, run_warmlens, running
from tests.unit.registry.version_copy import (
    NAME,
    SHIPPED,
    VERSION,
    copy_version,
    edit_manifest,
    replace_graph,
)
from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.catalog import find_version
from warmlens.registry.serving import ALIAS, Serving
from warmlens.registry.store import Store

FUNCTION = "warmlens-local-classifier"
MEMORY_MB = 2048


@pytest.fixture(scope="module")
def module_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for these tests alone: they change which model it serves."""
    yield from running(tmp_path_factory.mktemp("serving"), "--model", NAME)


@pytest.fixture
def own_cloud(module_cloud: Cloud) -> Cloud:
    """The cloud as it was deployed: function versions and models of other tests are removed."""
    functions, s3 = module_cloud.client("lambda"), module_cloud.client("s3")
    found = functions.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    first, *others = sorted(int(each["Version"]) for each in found if each["Version"] != "$LATEST")
    functions.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=str(first))
    for number in others:
        functions.delete_function(FunctionName=FUNCTION, Qualifier=str(number))
    deployed = functions.get_function_configuration(FunctionName=FUNCTION, Qualifier=str(first))
    functions.update_function_configuration(
        FunctionName=FUNCTION,
        MemorySize=deployed["MemorySize"],
        Environment=deployed["Environment"],
    )
    bucket = models_bucket(s3)
    for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        if not entry["Key"].startswith(f"{NAME}/{VERSION}/"):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
    return module_cloud


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A folder with two more versions of the shipped model."""
    for version in ("1.2.0", "1.3.0"):
        folder = tmp_path / "artifacts" / NAME / version
        folder.mkdir(parents=True)
        for path in SHIPPED.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        edit_manifest(folder, "version", version)
    return tmp_path / "artifacts"


def model(cloud: Cloud, *arguments: str, refused: str | None = None) -> str:
    """Run `warmlens model` for the cloud; `refused` is the error code that is expected."""
    place = ("--env", "local", "--folder", str(cloud.folder))
    result = run_here("model", *arguments, *place)
    if refused is None:
        assert result.returncode == 0, result.stderr
        return result.stdout
    assert result.returncode == 1, result.stdout
    assert result.stderr.startswith(f"{refused}: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def answer(cloud: Cloud) -> dict[str, Any]:
    request = {"method": "classification", "file_path": "test/coffee.jpg"}
    answer: dict[str, Any] = cloud.post("classification", request).json()
    return answer


def served(cloud: Cloud) -> str:
    (one,) = (
        model["version"]
        for model in json.loads(model(cloud, "list", "--json"))["models"]
        if model["served"]
    )
    return str(one)


def publish(cloud: Cloud, artifacts: Path, version: str) -> None:
    model(cloud, "publish", NAME, version, "--models", str(artifacts))


def models_bucket(s3: Any) -> str:
    (name,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if "models" in each["Name"])
    return str(name)


def publish_what_is_no_model(s3: Any, folder: Path) -> None:
    """Version 6.6.6: its manifest and its files agree, but the graph is none."""
    no_model = copy_version(folder)
    replace_graph(no_model, b"this is no graph")
    edit_manifest(no_model, "version", "6.6.6")
    for path in no_model.iterdir():
        s3.put_object(
            Bucket=models_bucket(s3),
            Key=f"{NAME}/6.6.6/{path.name}",
            Body=path.read_bytes(),
            ChecksumAlgorithm="SHA256",
        )


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
    serving = Serving(functions, FUNCTION, Store(s3, models_bucket(s3)))
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
    for value in ("mine fruit", f"mine {NAME}"):
        ssm.put_parameter(Name=name, Value=value, Overwrite=True)
        try:
            if NAME in value:
                model(own_cloud, "serve", NAME, "1.2.0")
                continue
            said = model(own_cloud, "serve", NAME, "1.2.0", refused="model_unavailable")
        finally:
            ssm.put_parameter(Name=name, Value="*", Overwrite=True)
        assert "may serve mine, fruit." in said
        assert f"Add {NAME} to other_models in app.py and deploy" in said
        now = functions.get_function_configuration(FunctionName=FUNCTION)
        assert now["RevisionId"] == before
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
    serving = Serving.of(outputs, functions, s3)

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
    model(own_cloud, "serve", NAME, "1.2.0", refused="not_published")
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

    serving = Serving(cast(Any, Shifting()), FUNCTION, Store(s3, models_bucket(s3)))
    with pytest.raises(WarmlensError) as refused:
        serving.serve(NAME, "1.2.0")
    assert refused.value.code == "deployment_in_progress"
    with pytest.raises(WarmlensError) as refused:
        serving.rollback()
    assert refused.value.code == "deployment_in_progress"


def test_without_a_local_cloud_the_commands_say_how_to_start_one(tmp_path: Path) -> None:
    for arguments in (("list",), ("serve", NAME, VERSION), ("rollback",)):
        result = run_warmlens("model", *arguments, "--env", "local", "--folder", str(tmp_path))
        assert (result.returncode, result.stdout) == (3, "")
        assert result.stderr == "not_found: No local cloud runs. Start it with: make run\n"


NO_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ({}, "aws_refused: AWS refused to describe prod: Could not connect"),
        ({"AWS_REGION": ""}, "no_region: No AWS region: "),
        (NO_CREDENTIALS, "no_credentials: No AWS credentials: "),
    ],
)
def test_an_environment_in_aws_that_cannot_be_asked_is_named(
    without: dict[str, str], told: str, tmp_path: Path
) -> None:
    shell = {
        "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1",
    }  # fmt: skip
    result = run_warmlens("model", "list", "--env", "prod", **{**shell, **without})
    assert result.returncode == 3
    assert result.stderr.startswith(told)
    assert result.stderr.count("\n") == 1


def test_publishing_to_a_bucket_that_cannot_be_asked_is_told_in_a_line(tmp_path: Path) -> None:
    result = run_warmlens(
        "model", "publish", NAME, VERSION, "--bucket", "models-of-nobody",
        HOME=str(tmp_path), AWS_REGION="no region", AWS_EC2_METADATA_DISABLED="true",
    )  # fmt: skip
    assert result.returncode == 3
    assert result.stderr.startswith("aws_refused: AWS refused the request: ")
    assert result.stderr.count("\n") == 1
