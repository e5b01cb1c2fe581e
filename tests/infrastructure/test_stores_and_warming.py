"""Resources of each model store and each kind of warming."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.constructs.efs_model_store import MOUNT_PATH
from tests.infrastructure.variants import VARIANTS, Assembly
from warmlens.paths import LAMBDA_SRC

Variants = dict[str, Assembly]

NETWORK = {"AWS::EC2::VPC", "AWS::EFS::FileSystem", "AWS::EFS::AccessPoint"}


def model_variables(assembly: Assembly) -> set[str]:
    variables = assembly.function("classifier")["Environment"]["Variables"]
    return {name for name in variables if name in ("MODELS_BUCKET", "MODELS_FOLDER")}


def rules_of_s3(assembly: Assembly) -> list[dict[str, Any]]:
    rules = (each["Properties"] for each in assembly.resources("AWS::Events::Rule"))
    return [each for each in rules if each["EventPattern"]["source"] == ["aws.s3"]]


def models_buckets(assembly: Assembly) -> int:
    return sum(
        logical_id.startswith("Models") and resource["Type"] == "AWS::S3::Bucket"
        for template in assembly.templates.values()
        for logical_id, resource in template["Resources"].items()
    )


def test_the_store_s3_is_one_bucket(variants: Variants) -> None:
    assembly = variants["plain"]
    assert models_buckets(assembly) == 1
    assert not NETWORK & assembly.kinds
    assert not rules_of_s3(assembly)
    assert model_variables(assembly) == {"MODELS_BUCKET"}
    assert "VpcConfig" not in assembly.function("classifier")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("bare", ["/products-resnet50/*"]),
        ("plain", ["/products-resnet50/*", "/imagenet-efficientnet-lite0/*"]),
        ("odd", ["/*"]),
    ],
)
def test_the_classifier_reads_exactly_the_models_that_the_settings_name(
    variants: Variants, name: str, keys: list[str]
) -> None:
    granted = [
        (each["Action"], resource["Fn::Join"][1][1:])
        for each in variants[name].statements("ClassifierRole")
        for resource in (each["Resource"] if isinstance(each["Resource"], list) else [])
        if "FnGetAttModels" in json.dumps(resource)
    ]
    assert granted == [("s3:GetObject", [key]) for key in sorted(keys)]
    (servable,) = (
        outputs["ServableModels"]["Value"]
        for template in variants[name].templates.values()
        if "ServableModels" in (outputs := template.get("Outputs", {}))
    )
    assert servable.split() == [each.strip("/*") or "*" for each in keys]


def test_the_store_image_has_the_named_models_in_the_image_and_nothing_else(
    variants: Variants,
) -> None:
    assembly = variants["image"]
    assert models_buckets(assembly) == 0
    assert not NETWORK & assembly.kinds
    assert not rules_of_s3(assembly)
    assert model_variables(assembly) == {"MODELS_FOLDER"}
    (source,) = (
        image["source"]["directory"]
        for path in assembly.folder.glob("*.assets.json")
        for image in json.loads(path.read_text())["dockerImages"].values()
    )
    settings = VARIANTS["image"]
    models = assembly.folder / source / "models"
    names = [settings.model_name, *settings.other_models]
    assert sorted(path.name for path in models.iterdir() if path.is_dir()) == sorted(names)
    for name in names:
        (version,) = (models / name).iterdir()
        assert version.name == settings.model_version
        assert (version / "manifest.json").is_file()
        assert (version / "model.onnx").is_file()
    output_names = {name for each in assembly.templates.values() for name in each["Outputs"]}
    assert "ModelsBucket" not in output_names


def test_the_store_efs_is_encrypted_and_backed_up_and_reached_through_its_access_point(
    variants: Variants,
) -> None:
    assembly = variants["efs"]
    assert models_buckets(assembly) == 1
    assert model_variables(assembly) == {"MODELS_FOLDER"}
    file_system = assembly.only("AWS::EFS::FileSystem")
    assert file_system["Encrypted"] is True
    assert file_system["BackupPolicy"] == {"Status": "ENABLED"}
    for name in ("classifier", "model_sync"):
        (mount,) = assembly.function(name)["FileSystemConfigs"]
        assert mount["LocalMountPath"] == MOUNT_PATH
        assert "AccessPoint" in json.dumps(mount["Arn"]) or "ModelStore" in json.dumps(mount["Arn"])


def test_only_the_sync_function_writes_to_the_file_system(variants: Variants) -> None:
    def actions(role: str) -> set[str]:
        return {
            action
            for statement in variants["efs"].statements(role)
            for action in (
                statement["Action"]
                if isinstance(statement["Action"], list)
                else [statement["Action"]]
            )
            if action.startswith("elasticfilesystem:")
        }

    assert actions("ClassifierRole") == {"elasticfilesystem:ClientMount"}
    assert actions("SyncRole") == {
        "elasticfilesystem:ClientMount",
        "elasticfilesystem:ClientWrite",
    }


def test_the_network_of_the_store_efs_has_no_way_to_the_internet(variants: Variants) -> None:
    for name in ("efs", "efsbare"):
        assembly = variants[name]
        assert not {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway"} & assembly.kinds
        assert not assembly.resources("AWS::EC2::Route")
        endpoint = assembly.only("AWS::EC2::VPCEndpoint")
        assert endpoint["VpcEndpointType"] == "Gateway"
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Action"] == "s3:GetObject"
        for group in assembly.resources("AWS::EC2::SecurityGroup"):
            properties = group["Properties"]
            for rule in properties.get("SecurityGroupIngress", []):
                assert "SourceSecurityGroupId" in rule
                assert rule["FromPort"] == rule["ToPort"] == 2049


def test_a_published_model_is_copied_to_the_file_system_or_kept_for_a_person(
    variants: Variants,
) -> None:
    assembly = variants["efs"]
    (rule,) = rules_of_s3(assembly)
    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"suffix": "/manifest.json"}]
    (target,) = rule["Targets"]
    assert target["Arn"]["Fn::GetAtt"][0].startswith("ModelStoreSync")
    assert "DeadLetterConfig" in target
    (bucket,) = (
        each
        for each in assembly.resources("AWS::S3::Bucket")
        if "NotificationConfiguration" in each["Properties"]
    )
    notifications = bucket["Properties"]["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_synth_asks_aws_nothing_even_for_a_named_account(variants: Variants) -> None:
    manifest = json.loads((variants["efsbare"].folder / "manifest.json").read_text())
    assert "missing" not in manifest


def test_warming_off_has_neither_schedule_nor_provisioned_instances(variants: Variants) -> None:
    kinds = variants["bare"].kinds
    assert not {"AWS::Scheduler::Schedule", "AWS::ApplicationAutoScaling::ScalableTarget"} & kinds


def test_warming_by_ping_has_a_schedule_and_no_provisioned_instances(variants: Variants) -> None:
    kinds = variants["plain"].kinds
    assert "AWS::Scheduler::Schedule" in kinds
    assert "AWS::ApplicationAutoScaling::ScalableTarget" not in kinds


def test_warming_by_provisioned_instances_sets_them_for_the_alias(
    variants: Variants,
) -> None:
    assembly = variants["provisioned"]
    assert "AWS::Scheduler::Schedule" not in assembly.kinds
    target = assembly.only("AWS::ApplicationAutoScaling::ScalableTarget")
    for action in target["ScheduledActions"]:
        capacity = action["ScalableTargetAction"]
        assert capacity["MinCapacity"] == capacity["MaxCapacity"]
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    assert "live" in json.dumps(target["ResourceId"])


def test_snapstart_has_snapshots_of_published_versions_and_nothing_that_keeps_warm(
    variants: Variants,
) -> None:
    assembly = variants["snapstart"]
    function = assembly.function("classifier")
    assert (function["PackageType"], function["SnapStart"]) == (
        "Image",
        {"ApplyOn": "PublishedVersions"},
    )
    assert assembly.only("AWS::Lambda::Alias")["FunctionVersion"]["Fn::GetAtt"][1] == "Version"
    kept_warm = {"AWS::Scheduler::Schedule", "AWS::ApplicationAutoScaling::ScalableTarget"}
    assert not kept_warm & assembly.kinds
    assert not assembly.resources("Custom::Trigger")
    functions = assembly.resources("AWS::Lambda::Function")
    assert sum("SnapStart" in each["Properties"] for each in functions) == 1
    assert "SnapStart" not in variants["plain"].function("classifier")
    # `cdk synth --strict` fails on a warning.
    assert "aws:cdk:warning" not in (assembly.folder / "manifest.json").read_text()


def test_the_image_may_be_in_a_snapshot_whatever_its_base() -> None:
    lines = (LAMBDA_SRC / "classifier" / "Dockerfile").read_text().splitlines()
    assert 'LABEL com.amazonaws.lambda.feature.snapstart="Allow"' in lines


def test_the_dashboard_of_snapshots_shows_no_inits_that_nobody_waits_for(
    variants: Variants,
) -> None:
    for name, shown in (("snapstart", False), ("plain", True)):
        body = json.dumps(variants[name].only("AWS::CloudWatch::Dashboard")["DashboardBody"])
        assert ("InitMs" in body) is shown
        assert "warming `snapstart`" in body or shown


DAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


def hours_of(schedule: str) -> set[int]:
    """The hours of the week of a schedule such as cron(0/5 8,9 ? * MON,TUE *), every five minutes
    of them."""
    minutes, hours, date, month, days, year = schedule[len("cron(") : -1].split(" ")
    assert (minutes, month, year) == ("0/5", "*", "*")
    assert {date, days} & {"?"}  # exactly one of the two, in EventBridge's format
    return {
        DAYS.index(day) * 24 + int(hour)
        for day in (DAYS if days == "?" else days.split(","))
        for hour in hours.split(",")
    }


def test_the_profile_holds_within_minutes_of_a_deploy_at_any_time_of_the_week(
    variants: Variants,
) -> None:
    """The number of an hour is set again and again: a canary makes Lambda refuse it for a while."""
    settings = VARIANTS["provisioned"]
    target = variants["provisioned"].only("AWS::ApplicationAutoScaling::ScalableTarget")
    actions = [
        (hours_of(action["Schedule"]), action["ScalableTargetAction"]["MinCapacity"])
        for action in target["ScheduledActions"]
    ]
    for hour in range(7 * 24):
        set_then = [count for hours, count in actions if hour in hours]
        assert set_then == [settings.warm_by_hour[hour]]


def test_only_a_warmer_that_chooses_its_number_may_read_metrics(variants: Variants) -> None:
    for name, allowed in (("iam", True), ("plain", False)):
        warmer = variants[name].function("warmer")
        assert (warmer["Environment"]["Variables"]["WARM_AUTO"] == "true") is allowed
        policies = json.dumps(variants[name].resources("AWS::IAM::Policy"))
        assert ("cloudwatch:GetMetricData" in policies) is allowed


def test_whatever_calls_a_function_and_does_not_wait_has_its_failures_kept(
    variants: Variants,
) -> None:
    """Lambda keeps the configuration of a function, of each version and of each alias apart."""
    called = set()
    for name, assembly in variants.items():
        for template in assembly.templates.values():
            configured = [
                each["Properties"]
                for each in template["Resources"].values()
                if each["Type"] == "AWS::Lambda::EventInvokeConfig"
            ]
            for function, qualifier in asynchronous_calls(template):
                (found,) = (
                    each
                    for each in configured
                    if (each["FunctionName"], each["Qualifier"]) == (function, qualifier)
                )
                assert "OnFailure" in found["DestinationConfig"], name
                assert found["MaximumRetryAttempts"] >= 1
                called.add((function["Ref"].rstrip("0123456789ABCDEF"), qualifier == "$LATEST"))
    # The schedule's runs of the warmer, the one after a deploy, and copies to the file system.
    assert called == {("Warmer", True), ("Warmer", False), ("ModelStoreSync", True)}


def asynchronous_calls(template: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the function and the qualifier of each call that its caller does not wait for."""
    resources = template["Resources"]
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "Custom::Trigger" and properties["InvocationType"] == "Event":
            version = properties["HandlerArn"]["Ref"]
            function = resources[version]["Properties"]["FunctionName"]
            yield function, {"Fn::GetAtt": [version, "Version"]}
            configured = [
                name
                for name, each in resources.items()
                if each["Type"] == "AWS::Lambda::EventInvokeConfig"
                and each["Properties"]["Qualifier"] == {"Fn::GetAtt": [version, "Version"]}
            ]
            assert set(configured) <= set(resource["DependsOn"])
        targets = [properties["Target"]] if resource["Type"] == "AWS::Scheduler::Schedule" else []
        targets += properties["Targets"] if resource["Type"] == "AWS::Events::Rule" else []
        for target in targets:
            called = target["Arn"].get("Fn::GetAtt", [None])[0]
            if called and resources[called]["Type"] == "AWS::Lambda::Function":
                yield {"Ref": called}, "$LATEST"


def test_a_round_is_run_after_each_deploy_of_the_classifier(
    variants: Variants,
) -> None:
    triggers = variants["plain"].resources("Custom::Trigger")
    assert len(triggers) == 1
    # The trigger names a version of the warmer, which is new when what was deployed is.
    deployed = {
        name: variants[name].function("warmer")["Environment"]["Variables"]["DEPLOYED"]
        for name in ("plain", "odd", "image")
    }
    assert len(set(deployed.values())) == 3


def test_every_function_has_its_rights_before_it_can_be_called(variants: Variants) -> None:
    """The run after a deploy begins as soon as its function is there."""
    for name, assembly in variants.items():
        for template in assembly.templates.values():
            resources = template["Resources"]
            for logical_id, function in resources.items():
                if function["Type"] != "AWS::Lambda::Function":
                    continue
                role = function["Properties"]["Role"]["Fn::GetAtt"][0]
                policies = {
                    policy
                    for policy, each in resources.items()
                    if each["Type"] == "AWS::IAM::Policy"
                    and {"Ref": role} in each["Properties"]["Roles"]
                }
                assert policies <= set(function.get("DependsOn", [])), f"{name}: {logical_id}"
