"""`make clean` in a copy of the repository's Makefile: it removes no work of a person."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from warmlens.paths import ROOT

INSTALLED = (
    ".venv/bin/python",
    "node_modules/aws-cdk/bin/cdk",
    "cdk.out/manifest.json",
    "build/lib/warmlens/cli.py",
    "warmlens.egg-info/PKG-INFO",
    "warmlens_client/build/lib/warmlens_client/client.py",
    "warmlens_client/warmlens_client.egg-info/PKG-INFO",
    ".pytest_cache/README.md",
    ".mypy_cache/cache.json",
    ".ruff_cache/cache",
    ".hypothesis/examples/one",
    "warmlens/local/__pycache__/cloud.pyc",
    ".warmlens/environments/emulator-1/bin/python",
    ".warmlens/tools/checkov/bin/checkov",
    ".warmlens/jsii/cache",
    ".warmlens/local/instances.log",
    ".warmlens/assemblies/1/manifest.json",
    ".warmlens/pixels/1.npy",
    ".warmlens/numba/1/kernel.nbi",
    ".warmlens/chromium/chrome",
    ".warmlens/site/index.html",
)
WORK_OF_A_PERSON = (
    "runs/cups/checkpoint.pt",
    "photos/cup/1.jpg",
    "model_artifacts/cups/1.0.0/manifest.json",
    "environments.py",
    ".warmlens/runs/products/checkpoint.pt",
    ".warmlens/products/mango-can/1.jpg",
    ".warmlens/experiments/prod/records/experiments/idle.jsonl",
    ".warmlens/mine/model.onnx",
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (*INSTALLED, *WORK_OF_A_PERSON):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def clean(folder: Path) -> str:
    command = ["make", "--no-print-directory", "clean"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_installed_goes_and_what_a_person_made_stays(copy: Path) -> None:
    output = clean(copy)
    left = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert left == {"Makefile", *WORK_OF_A_PERSON}
    assert "Kept in .warmlens:\nexperiments\nmine\nproducts\nruns\n" in output


def test_nothing_is_left_of_a_folder_that_held_only_what_was_installed(copy: Path) -> None:
    for name in ("runs", "products", "experiments", "mine"):
        shutil.rmtree(copy / ".warmlens" / name)
    clean(copy)
    assert not (copy / ".warmlens").exists()
    clean(copy)


def test_every_folder_that_the_code_writes_into_is_removed_or_holds_work_of_a_person() -> None:
    sources = "".join(
        path.read_text()
        for folder in ("warmlens", "training", "lab", "tests")
        for path in (ROOT / folder).rglob("*.py")
    )
    written = set(re.findall(r'STATE / "([\w-]+)"', sources))
    assert {"environments", "local", "jsii"} <= written
    (removed,) = re.findall(
        r"addprefix \.warmlens/,([^)]*)\)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert written <= {*removed.split(), "experiments", "measure", "runs"}


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("runs/cups/checkpoint.pt", True),
        ("photos/cup/1.jpg", True),
        ("model_artifacts/cups/1.0.0/manifest.json", True),
        ("model_artifacts/products-resnet50/1.2.0/manifest.json", True),
        ("model_artifacts/products-resnet50/1.1.0/manifest.json", False),
        ("model_artifacts/imagenet-efficientnet-lite0/1.1.0/model.onnx", False),
        ("model_artifacts/groceries-lite2/1.0.0/model.weights", False),
        ("model_artifacts/manifest.schema.json", False),
        ("docs/runs/page.md", False),
        ("training/runs/x.py", False),
    ],
)
def test_git_ignores_what_people_make_in_the_checkout(path: str, ignored: bool) -> None:
    command = ["git", "check-ignore", "--quiet", "--no-index", path]
    assert (subprocess.run(command, cwd=ROOT, check=False).returncode == 0) is ignored
