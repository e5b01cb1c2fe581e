"""The real CDK CLI deploys the app into the emulator, by the README's and the pipeline's steps."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import environments_as_shipped
from tests.conftest import PRODUCTS, SAMPLE, SAMPLE_LABEL, WARMLENS
from tests.integration.cdk_harness import empty, empty_emulator, shell
from tests.integration.test_readme import BLOCKS
from tests.unit.registry.version_copy import edit_manifest
from warmlens.local.aws import LocalAws
from warmlens.local.command import run_command
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.registry.catalog import find_version

MODEL, VERSION = find_version(MODEL_ARTIFACTS, PRODUCTS).split("@")
NEW_VERSION = "9.0.0"


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[LocalAws]:
    """An emulator with nothing in it, and the pool behind its classifier."""
    async with empty_emulator(tmp_path, ["local"]) as aws:
        yield aws


async def run_in_shell(command: str, aws: LocalAws, folder: Path, *, exit_code: int = 0) -> str:
    """Run one of the README's commands as written, in a shell whose AWS is the emulator."""
    if command.startswith("npx cdk"):
        command += (
            f" --output {folder}/cdk.out --context env=local --context model={MODEL}@{VERSION}"
        )
    ended, output = await run_command(
        ["bash", "-c", command], cwd=ROOT, environment=shell(aws, folder)
    )
    assert ended == exit_code, output
    return output


async def test_the_commands_of_the_readme_deploy_and_destroy(aws: LocalAws, tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if "cdk deploy" in block)
    synth, activate, doctor, bootstrap, *deploy, classifying, page = block.splitlines()
    (destroy,) = (block.strip() for block in BLOCKS if "cdk destroy" in block)
    # Synthesis is the templates' tests', and what `doctor` says here depends on the machine.
    assert (synth, activate) == ("make synth", ". .venv/bin/activate")
    assert doctor == "warmlens doctor --deploy"

    await run_in_shell(f"{bootstrap} aws://000000000000/us-east-1", aws, tmp_path)
    storage, publish, rest = deploy
    await run_in_shell(f"{for_local(storage)} --require-approval never", aws, tmp_path)
    await asyncio.to_thread(find_local_as_dev, aws)
    too_early = await run_in_shell(classifying, aws, tmp_path, exit_code=3)
    assert "not_deployed: Only a part of dev is deployed" in too_early
    assert "Published" in await run_in_shell(publish, aws, tmp_path)
    await run_in_shell(f"{for_local(rest)} --require-approval never", aws, tmp_path)
    stacks = aws.cloudformation.describe_stacks()["Stacks"]
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for stack in stacks
        for output in stack.get("Outputs", [])
    }

    # The output ApiUrl names amazonaws.com, which the emulator does not serve.
    assert outputs["ApiUrl"].endswith(".amazonaws.com/v1")
    url = f"{aws.endpoint_url}/restapis/{outputs['ApiId']}/v1/_user_request_/"
    assert classifying.endswith(" --env dev")
    answer = await run_in_shell(classifying.replace("--env dev", f"--url {url}"), aws, tmp_path)
    assert SAMPLE_LABEL in answer
    assert page == "warmlens page --env dev"  # `local` has no page; see test_variants_deploy.py

    await deploy_a_new_version_by_the_pipeline(aws, url, tmp_path / "clone")

    for bucket in (outputs["ImagesBucket"], outputs["ModelsBucket"]):
        await asyncio.to_thread(empty, aws, bucket)
    await run_in_shell(f"{for_local(destroy)} --force", aws, tmp_path)
    left = {stack["StackName"] for stack in aws.cloudformation.describe_stacks()["Stacks"]}
    assert not {name for name in left if name.startswith("warmlens-local-")}


def for_local(command: str) -> str:
    """The command for the environment that has no custom resource; see docs/local-cloud.md."""
    assert "dev/" in command
    return command.replace("dev/", "local/")


def find_local_as_dev(aws: LocalAws) -> None:
    """Give the parameters of `local` under the name that the README's commands ask for."""
    pages = aws.ssm.get_paginator("get_parameters_by_path").paginate(Path="/warmlens/local")
    for parameter in (parameter for page in pages for parameter in page["Parameters"]):
        name = parameter["Name"].replace("/local/", "/dev/")
        aws.ssm.put_parameter(Name=name, Value=parameter["Value"], Type="String", Overwrite=True)


# What stands for the installed command in the pipeline's clone: `local` in AWS is found as `dev`,
# its API is at the emulator's address, and the clone's models are published. Before that, it notes
# what users get at this moment.
AS_DEV = """#!{python}
import os, subprocess, sys
words = sys.argv[1:]
at = words.index("--env")
words[at : at + 2] = ["--url", {url!r}] if words[0] == "classify" else ["--env", "dev"]
if "publish" in words:
    words += ["--models", {models!r}]
    classify = [{warmlens!r}, "classify", {photo!r}, "--url", {url!r}, "--json"]
    with open({models!r} + "/before.json", "w") as before:
        subprocess.run(classify, stdout=before, check=True)
os.execv({warmlens!r}, [{warmlens!r}, *words])
"""


async def deploy_a_new_version_by_the_pipeline(aws: LocalAws, url: str, clone: Path) -> None:
    """Run `.github/deploy` in a clone whose settings name a new version of the model."""
    models = clone / "model_artifacts"
    clone_for_the_pipeline(clone, url, models)
    shutil.copytree(MODEL_ARTIFACTS / MODEL / VERSION, models / MODEL / NEW_VERSION)
    edit_manifest(models / MODEL / NEW_VERSION, "version", NEW_VERSION)
    environment = shell(aws, clone)
    environment["PATH"] = f"{clone / '.venv' / 'bin'}:{environment['PATH']}"
    deploy = [str(clone / ".github" / "deploy"), "local"]
    exit_code, output = await run_command(deploy, environment=environment)
    assert exit_code == 0, output
    # Until the version was published, nothing served it.
    assert json.loads((models / "before.json").read_text())["version"] == VERSION
    assert f'"version": "{NEW_VERSION}"' in output


def clone_for_the_pipeline(clone: Path, url: str, models: Path) -> None:
    """Make a clone whose `local` names a new version, with all that `make` would install."""
    programs = clone / ".venv" / "bin"
    for folder in (programs, clone / ".github", models):
        folder.mkdir(parents=True)
    for name in ("stacks", "lambda_src", "web", "cdk.json", "node_modules"):
        (clone / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / ".github" / "deploy", clone / ".github")
    settings = (ROOT / "app.py").read_text()
    named = f'LOCAL_MODEL = "{MODEL}@{NEW_VERSION}"'
    changed = re.sub("^LOCAL_MODEL = .*$", named, settings, count=1, flags=re.MULTILINE)
    assert changed != settings
    (clone / "app.py").write_text(changed)
    shutil.copy(environments_as_shipped.__file__, clone / "environments.py")
    command = {
        "python": sys.executable,
        "url": url,
        "models": str(models),
        "photo": str(SAMPLE),
        "warmlens": WARMLENS,
    }
    for name, content in {
        "make": "#!/bin/sh\n",
        "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
        "warmlens": AS_DEV.format_map(command),
    }.items():
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
