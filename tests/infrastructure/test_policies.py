"""cdk-nag's checks of every environment and variant; a violation fails the synth."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from stacks.policies import add_policies
from tests.infrastructure.variants import CONTEXT, Assembly
from warmlens.paths import ROOT


def test_no_finding_is_left_that_is_not_acknowledged(
    cloud_assembly: Path, variants: dict[str, Assembly]
) -> None:
    for folder in (cloud_assembly, variants["plain"].folder.parent):
        report = json.loads((folder / "validation-report.json").read_text())
        assert [each for each in report["pluginReports"] if each["violations"]] == []


def test_a_breach_in_the_app_fails_its_synth(tmp_path: Path) -> None:
    breach = "sqs.Queue(cdk.Stack(app, 'Breach'), 'Breach')"
    source = (ROOT / "app.py").read_text()
    source = source.replace("    add_policies(app)\n", f"    {breach}\n    add_policies(app)\n")
    source = source.replace(
        "import aws_cdk as cdk\n", "import aws_cdk as cdk\nfrom aws_cdk import aws_sqs as sqs\n"
    )
    (tmp_path / "app.py").write_text(source)
    context = json.dumps({**CONTEXT, "env": "local"})
    result = subprocess.run(
        [sys.executable, str(tmp_path / "app.py")],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CDK_OUTDIR": str(tmp_path / "cdk.out"),
            "CDK_CONTEXT_JSON": context,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "AwsSolutions-SQS4" in result.stdout + result.stderr


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
