"""cdk-nag's checks of every environment and variant; a violation fails the synth."""

import json
import re
from pathlib import Path

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from app import build
from stacks.policies import add_policies
from stacks.settings import Settings
from tests.infrastructure.variants import CONTEXT, Assembly
from warmlens.paths import ROOT


def test_no_finding_is_left_that_is_not_acknowledged(
    cloud_assembly: Path, variants: dict[str, Assembly]
) -> None:
    for folder in (cloud_assembly, variants["plain"].folder.parent):
        report = json.loads((folder / "validation-report.json").read_text())
        assert [each for each in report["pluginReports"] if each["violations"]] == []


def test_a_breach_in_the_app_fails_its_synth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breach(app: cdk.App, settings: Settings) -> None:
        sqs.Queue(cdk.Stack(app, f"Breach-{settings.env_name}"), "Breach")

    monkeypatch.setattr("app.WarmlensStage", breach)  # the real ones are checked above
    app = cdk.App(outdir=str(tmp_path), context={**CONTEXT, "env": "local"})
    build(app)
    with pytest.raises(RuntimeError, match=r"(?s)Breach-local.*AwsSolutions-SQS4"):
        app.synth()


def test_a_breach_fails_the_synth_of_either_pack(tmp_path: Path) -> None:
    for construct, rule in ((s3.Bucket, "AwsSolutions-S1"), (sqs.Queue, "Serverless-SQS")):
        app = cdk.App(outdir=str(tmp_path / rule))
        construct(cdk.Stack(app, "Breach"), "Breach")
        add_policies(app)
        with pytest.raises(RuntimeError, match=rule):
            app.synth()


def test_wildcards_and_policies_of_aws_are_acknowledged_one_by_one() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "stacks").rglob("*.py"))
    # Of these rules each wildcard and each policy is a finding of its own.
    assert '"AwsSolutions-IAM5"' not in text
    assert '"AwsSolutions-IAM4"' not in text


def test_each_check_of_checkov_that_is_skipped_is_explained_in_the_table() -> None:
    skipped = yaml.safe_load((ROOT / ".checkov.yaml").read_text())["skip-check"]
    table = (ROOT / "docs" / "policies.md").read_text()
    explained = re.findall(r"^\| (CKV\w+) \| .+ \| .+ \|$", table, re.MULTILINE)
    assert explained == skipped
