"""Settings that differ from those in `environments.py`, synthesized together for the tests."""

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from stacks.policies import add_policies
from stacks.settings import Settings
from stacks.stage import WarmlensStage
from warmlens.paths import ROOT

CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
NIGHT, DAY, EVENING = (0,) * 8, (4,) * 10, (1,) * 6

ODD = Settings(
    env_name="odd",
    account="123456789012",
    region="eu-west-1",
    memory_mb=2048,
    architecture="arm64",
    timeout_s=17,
    model_name="another-model",
    model_version="2.3.4",
    other_models=("*",),
    ephemeral_storage_mb=1024,
    max_image_bytes=1_000_000,
    max_image_pixels=2_000_000,
    max_decode_ms=4_000,
    max_hold_ms=9_000,
    upload_expires_s=120,
    image_expiry_days=3,
    upload_origins=("https://a.example", "https://b.example"),
    cors_origins=("https://c.example", "https://d.example"),
    waf_requests_per_5_min=777,
    daily_quota=1234,
    budget_usd=9_999,
    web_domain="photos.a.example",
    web_certificate_arn=CERTIFICATE,
    warm_instances=3,
    warm_profile=(0,) * 8 + (4,) * 16,
    warming_period_min=7,
    warming_hold_ms=700,
    warming_budget_s=40,
    warming_user_reserve=2,
    coverage_target_percent=75,
    deployment="linear",
    reserved_concurrency=6,
    batch=True,
    batch_concurrency=4,
    throttle_rate_rps=33,
    throttle_burst=44,
    throttle_wakeup_rps=3,
    throttle_uploads_rps=4,
    alarm_email="on-call@a.example",
    alarm_p99_ms=1234,
    alarm_recognized_percent=85,
    log_retention_days=14,
    retain_data=False,
    empty_buckets=True,
)
PLAIN = Settings(
    env_name="plain", other_models=("imagenet-efficientnet-lite0",), image_expiry_days=None
)
BARE = Settings(
    env_name="bare",
    auth="none",
    waf=False,
    access_logs=False,
    tracing=False,
    web=False,
    monitoring=False,
    wake_ahead=False,
    warming="off",
    warm_after_deploy=False,
    deployment="all_at_once",
)
VARIANTS = {
    settings.env_name: settings
    for settings in (
        ODD,
        PLAIN,
        BARE,
        Settings(env_name="efs", model_store="efs"),
        Settings(
            env_name="efsbare",
            model_store="efs",
            access_logs=False,
            account="123456789012",
            region="eu-west-1",
        ),
        Settings(
            env_name="image", model_store="image", other_models=("imagenet-efficientnet-lite0",)
        ),
        Settings(
            env_name="provisioned",
            warming="provisioned",
            page_stores_photos=True,
            call_reports=True,
            warm_profile=(NIGHT + DAY + EVENING) * 5 + (0,) * 24 + NIGHT + DAY + EVENING,
        ),
        Settings(env_name="snapstart", warming="snapstart"),
        Settings(
            env_name="torch",
            memory_mb=3538,
            engine="torch",
            torch_index="https://wheels.a.example/cpu",
            model_name="another-model",
        ),
        Settings(
            env_name="http",
            api="http",
            auth="none",
            waf=False,
            batch=True,
            cors_origins=("https://c.example", "https://d.example"),
            throttle_rate_rps=33,
            throttle_burst=44,
            throttle_wakeup_rps=3,
            throttle_uploads_rps=2,
        ),
        Settings(
            env_name="tokens",
            api="http",
            auth="jwt",
            jwt_issuer="https://login.a.example/",
            jwt_audience=("phone-app", "desk-app"),
            waf=False,
            access_logs=False,
            tracing=False,
            web=False,
            warming="off",
            deployment="all_at_once",
        ),
        Settings(
            env_name="iam",
            auth="iam",
            web=False,
            warm_instances="auto",
            warm_instances_max=20,
            alarm_recognized_percent=0,
        ),
    )
}


@dataclass(frozen=True)
class Assembly:
    """All stacks of one environment, and their resources in one place."""

    env_name: str
    folder: Path

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        return {
            path.name: json.loads(path.read_text())
            for path in sorted(self.folder.glob("*.template.json"))
        }

    @cached_property
    def stacks(self) -> list[dict[str, Any]]:
        """The stacks as the manifest describes them: names, tags, account and region."""
        artifacts = json.loads((self.folder / "manifest.json").read_text())["artifacts"].values()
        return [each for each in artifacts if each["type"] == "aws:cloudformation:stack"]

    @cached_property
    def _assertions(self) -> list[Template]:
        return [Template.from_json(template) for template in self.templates.values()]

    def resources(self, kind: str, properties: Any = None) -> list[dict[str, Any]]:
        """The resources of a kind, or those of them that have some properties."""
        wanted = None if properties is None else {"Properties": properties}
        return [
            dict(resource)
            for template in self._assertions
            for resource in template.find_resources(kind, wanted).values()
        ]

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of a kind."""
        (resource,) = self.resources(kind)
        return dict(resource["Properties"])

    def function(self, name: str) -> dict[str, Any]:
        properties = {"FunctionName": f"warmlens-{self.env_name}-{name}"}
        (found,) = self.resources("AWS::Lambda::Function", properties)
        return dict(found["Properties"])

    def statements(self, part_of_role: str) -> list[dict[str, Any]]:
        """The statements of the policies attached to roles whose id has this part."""
        return [
            statement
            for policy in self.resources("AWS::IAM::Policy")
            if any(part_of_role in role["Ref"] for role in policy["Properties"]["Roles"])
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    @property
    def kinds(self) -> set[str]:
        """The types of all resources."""
        return {
            resource["Type"]
            for template in self.templates.values()
            for resource in template["Resources"].values()
        }


def synthesize(folder: Path, *environments: Settings) -> None:
    """Synthesize environments with the policies of `app.py`; one that breaks them raises."""
    app = cdk.App(outdir=str(folder), context=CONTEXT)
    for settings in environments:
        WarmlensStage(app, settings=settings)
    add_policies(app)
    app.synth()


def main() -> None:
    """Synthesize the variants into a folder, for `make policies`."""
    (folder,) = sys.argv[1:]
    synthesize(Path(folder), *VARIANTS.values())


if __name__ == "__main__":
    main()
