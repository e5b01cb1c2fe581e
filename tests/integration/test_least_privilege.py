"""Each function's role against the calls that the function makes: no more, no less."""

import json

import httpx
import pytest

from app import settings_of
from tests.conftest import Cloud
from tests.integration import classifier_harness
from tests.integration.classifier_harness import CallWith
from tests.integration.iam import Grant, Need, grants_of, grants_of_template
from tests.integration.recording import assert_grants_fit, assert_role_fits, recording, run
from warmlens.paths import ROOT

call_with = classifier_harness.call_with  # a fixture
PREFIX = "warmlens-local"


def deployed(cloud: Cloud, name: str) -> tuple[str, dict[str, str]]:
    """The role and the environment variables of a deployed function."""
    functions = cloud.client("lambda")
    configuration = functions.get_function_configuration(FunctionName=f"{PREFIX}-{name}")
    return configuration["Role"], configuration["Environment"]["Variables"]


async def calls_of_the_classifier(cloud: Cloud, call_with: CallWith) -> set[Need]:
    _, variables = deployed(cloud, "classifier")
    upload = b"not an image"
    grant = cloud.post("uploads", {"content_type": "image/png", "bytes": len(upload)}).json()
    async with httpx.AsyncClient(timeout=60) as client:
        await client.post(grant["url"], data=grant["fields"], files={"file": ("x", upload)})
    async with recording(cloud.endpoint_url) as recorder:
        async with call_with({**variables, "AWS_ENDPOINT_URL": recorder.url}) as call:
            for path in ("test/cat.jpg", "test/nothing.jpg", grant["file_path"]):
                await call({"method": "classification", "file_path": path})
            await call({"method": "wakeup"})
            await call({"method": "model"})
        return recorder.needs


async def calls_of_uploads(cloud: Cloud, call_with: CallWith) -> set[Need]:
    _, variables = deployed(cloud, "uploads")
    body = json.dumps({"content_type": "image/png", "bytes": 4})
    async with recording(cloud.endpoint_url) as recorder:
        answer = await run("uploads", {"body": body}, variables, cloud.aws(recorder.url))
        grant = json.loads(answer["body"])
        assert grant["url"].startswith(recorder.url)
        async with httpx.AsyncClient(timeout=60) as client:
            # Whoever holds the signed form acts with the function's rights.
            await client.post(grant["url"], data=grant["fields"], files={"file": ("x", b"abcd")})
        deletion = {
            "httpMethod": "DELETE",
            "queryStringParameters": {"file_path": grant["file_path"]},
            "headers": {"X-Delete-Token": grant["delete_token"]},
        }
        deleted = await run("uploads", deletion, variables, cloud.aws(recorder.url))
        assert deleted["statusCode"] == 200
        return recorder.needs


async def calls_of_the_warmer(cloud: Cloud, call_with: CallWith) -> set[Need]:
    _, variables = deployed(cloud, "warmer")
    async with recording(cloud.endpoint_url) as recorder:
        event = {"scheduled_time": "2026-11-24T12:00:00Z"}
        report = await run("warmer", event, variables, cloud.aws(recorder.url))
        assert report["distinct"] == report["requested"]
        return recorder.needs


CALLS = {
    "classifier": calls_of_the_classifier,
    "uploads": calls_of_uploads,
    "warmer": calls_of_the_warmer,
}


SNAPSHOTS = ROOT / "tests" / "infrastructure" / "__snapshots__" / "test_snapshots"
AGREED = "test_the_templates_are_those_that_were_agreed_on"
ROLES = {"classifier": "ClassifierRole", "uploads": "UploadsFunctionRole"}


@pytest.mark.parametrize("name", CALLS)
async def test_a_role_allows_every_call_of_its_function_and_nothing_else(
    cloud: Cloud, call_with: CallWith, name: str
) -> None:
    needs = await CALLS[name](cloud, call_with)
    role, _ = deployed(cloud, name)
    assert_role_fits(cloud.client("iam"), role, needs)
    # The local cloud serves every model; these serve one, and their roles are narrower.
    for environment in ("staging", "prod") if name in ROLES else ():
        assert_grants_fit(agreed_grants(cloud, environment, name), needs)


def agreed_grants(cloud: Cloud, environment: str, name: str) -> set[Grant]:
    """What a function's role allows by the templates of another environment.

    test_snapshots.py holds that these are what `cdk synth` gives.
    """
    _, variables = deployed(cloud, "classifier")
    assert variables["MODEL_NAME"] == settings_of(environment).model_name
    function = f"arn:aws:lambda:us-east-1:000000000000:function:{PREFIX}-classifier"
    arns = {
        "FnGetAttImages": f"arn:aws:s3:::{variables['IMAGES_BUCKET']}",
        "FnGetAttModels": f"arn:aws:s3:::{variables['MODELS_BUCKET']}",
        "RefClassifierLive": f"{function}:live",
    }
    templates = json.loads((SNAPSHOTS / f"{AGREED}[{environment}].json").read_text()).values()
    return grants_of_template(templates, ROLES[name], arns)


def test_a_role_for_one_model_allows_no_other(cloud: Cloud) -> None:
    role, variables = deployed(cloud, "classifier")
    other = Need(
        "s3:GetObject", f"arn:aws:s3:::{variables['MODELS_BUCKET']}/other/1.0.0/manifest.json"
    )
    assert any(each.allows(other) for each in grants_of(cloud.client("iam"), role))
    for environment in ("staging", "prod"):
        grants = agreed_grants(cloud, environment, "classifier")
        assert not any(each.allows(other) for each in grants)


async def test_a_warmer_that_chooses_its_number_needs_one_permission_more(cloud: Cloud) -> None:
    """Which its role has with `auto`: test_stores_and_warming.py."""
    role, variables = deployed(cloud, "warmer")
    async with recording(cloud.endpoint_url) as recorder:
        variables["WARM_AUTO"] = "true"
        report = await run("warmer", {}, variables, cloud.aws(recorder.url))
    assert "no call of a user" in report["chosen_because"]  # the emulator has no such metric
    grants = grants_of(cloud.client("iam"), role)
    needed = {need for need in recorder.needs if not any(each.allows(need) for each in grants)}
    assert needed == {Need("cloudwatch:GetMetricData", "*")}


@pytest.mark.parametrize("name", CALLS)
def test_no_role_can_do_what_would_hurt(cloud: Cloud, name: str) -> None:
    role, _ = deployed(cloud, name)
    grants = grants_of(cloud.client("iam"), role)
    _, of_classifier = deployed(cloud, "classifier")
    images = f"arn:aws:s3:::{of_classifier['IMAGES_BUCKET']}"
    models = f"arn:aws:s3:::{of_classifier['MODELS_BUCKET']}"
    function = f"arn:aws:lambda:us-east-1:000000000000:function:{PREFIX}-classifier"
    model = f"{models}/{of_classifier['MODEL_NAME']}/1.1.0/model.onnx"
    never = [
        Need("s3:PutObject", model),
        Need("s3:PutObject", f"{images}/test/cat.jpg"),
        Need("s3:PutObject", f"{images}/index.html"),
        Need("s3:GetObject", f"{images}/secrets/cat.jpg"),
        Need("s3:DeleteObject", f"{images}/test/cat.jpg"),
        Need("s3:DeleteObject", model),
        Need("s3:ListBucket", images),
        Need("s3:ListBucket", models),
        Need("s3:PutBucketPolicy", images),
        Need("lambda:UpdateFunctionCode", function),
        Need("lambda:InvokeFunction", function),  # not by the alias
        Need("iam:PassRole", role),
        Need("sts:AssumeRole", role),
    ]
    if name != "uploads":
        never += [
            Need(action, f"{images}/uploads/x.jpg")
            for action in ("s3:PutObject", "s3:DeleteObject")
        ]
    if name != "classifier":
        never += [Need("s3:GetObject", f"{images}/uploads/x.jpg"), Need("s3:GetObject", model)]
    if name == "classifier":
        never += [Need("lambda:InvokeFunction", f"{function}:live")]
    assert [need for need in never if any(each.allows(need) for each in grants)] == []


def test_wildcards_are_read_as_iam_reads_them() -> None:
    bucket = "arn:aws:s3:::bucket"
    assert Grant("s3:Get*", f"{bucket}/test/*").allows(Need("s3:GetObject", f"{bucket}/test/a/b"))
    assert Grant("S3:getobject", "*").allows(Need("s3:GetObject", bucket))
    assert not Grant("s3:GetObject", f"{bucket}/test/*").allows(
        Need("s3:GetObject", f"{bucket}/Test/a")
    )
    assert not Grant("s3:GetObject", bucket).allows(Need("s3:GetObject", f"{bucket}/a"))
    assert not Grant("s3:Get?bject", bucket).allows(Need("s3:GetObjectAcl", bucket))
