"""The templates of every environment, synthesized once by the real CDK CLI, offline."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import environments
from warmlens.paths import ROOT

ENV_NAMES = [settings.env_name for settings in environments()]
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Assembly:
    """All stacks of one environment, and their resources in one place."""

    env_name: str
    folder: Path

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        return {
            path.name: json.loads(path.read_text())
            for path in sorted(self.folder.glob("*.template.json"))
        }

    def resources(self, kind: str) -> list[dict[str, Any]]:
        return [
            resource
            for template in self.templates.values()
            for resource in template["Resources"].values()
            if resource["Type"] == kind
        ]

    def function(self, name: str) -> dict[str, Any]:
        wanted = f"warmlens-{self.env_name}-{name}"
        (found,) = (
            resource["Properties"]
            for resource in self.resources("AWS::Lambda::Function")
            if resource["Properties"].get("FunctionName") == wanted
        )
        return dict(found)

    def statements(self, part_of_role: str) -> list[dict[str, Any]]:
        """The statements of the policies attached to roles whose id has this part."""
        return [
            statement
            for policy in self.resources("AWS::IAM::Policy")
            if any(part_of_role in role["Ref"] for role in policy["Properties"]["Roles"])
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]


@pytest.fixture(scope="session")
def cloud_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every environment, by `npx cdk synth` without network, credentials or Docker."""
    folder = tmp_path_factory.mktemp("assembly")
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "CDK_HOME": str(home),
        "CDK_DOCKER": "/bin/false",
        "HTTPS_PROXY": NOWHERE,
        "HTTP_PROXY": NOWHERE,
        "AWS_EC2_METADATA_DISABLED": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    }
    result = subprocess.run(
        ["npx", "--no-install", "cdk", "synth", "--quiet", "--output", str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="session", params=ENV_NAMES)
def assembly(request: pytest.FixtureRequest, cloud_assembly: Path) -> Assembly:
    """Each environment in turn."""
    return Assembly(request.param, cloud_assembly / f"assembly-{request.param}")
