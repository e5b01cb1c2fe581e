"""The pipeline's script publishes the model before it deploys the classifier that serves it.

`tests/changes/test_cdk_deploy.py` runs it for real, with the model store S3.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from warmlens.paths import ROOT

PROGRAMS = ("make", "npx", "warmlens", "python")
LOGGED = """#!/bin/sh
if [ "$(basename "$0")" = python ]; then echo "mine 2.0.0 {store}"; exit; fi
echo "$(basename "$0") $*" >> {log}
"""


@pytest.mark.parametrize(
    ("store", "first"), [("s3", "storage"), ("efs", "files"), ("image", "storage")]
)
def test_the_model_is_in_its_place_before_the_classifier_is_deployed(
    tmp_path: Path, store: str, first: str
) -> None:
    clone, log = tmp_path / "clone", tmp_path / "log"
    programs = clone / ".venv" / "bin"
    for folder in (clone / ".github", programs):
        folder.mkdir(parents=True)
    script = Path(shutil.copy(ROOT / ".github" / "deploy", clone / ".github"))
    for name in PROGRAMS:
        (programs / name).write_text(LOGGED.format(store=store, log=log))
        (programs / name).chmod(0o755)
    subprocess.run(
        [str(script), "prod"], env={"PATH": f"{programs}:/usr/bin:/bin"}, check=True, timeout=60
    )
    deploy = "npx cdk deploy --app cdk.out prod/{} --require-approval never"
    publish = ["warmlens model publish mine 2.0.0 --env prod --wait"] if store != "image" else []
    steps = [line for line in log.read_text().splitlines() if "deploy" in line or "publish" in line]
    assert steps == [deploy.format(first), *publish, deploy.format("*")]
