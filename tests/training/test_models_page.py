"""The commands of docs/models.md, from a folder of photos to serving and rollback."""

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.sizes import PAPER
from tests.conftest import WARMLENS, Cloud, start_cloud
from tests.invoke import invoke
from tests.training.photo_folder import COLOURS, make_photo_folder
from tests.unit.registry.version_copy import NAME, VERSION
from training.comparison_records import rows
from warmlens.cli import app
from warmlens.paths import ROOT
from warmlens.records import read_records

PAGE = (ROOT / "docs" / "models.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PHOTOS = 12


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A new local cloud, like `make run` in another terminal."""
    (tmp_path / "cloud").mkdir()
    cloud, process = start_cloud(tmp_path / "cloud", "--model", NAME)
    yield cloud
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a user's files: photos of three classes, and one more photo."""
    made = make_photo_folder(tmp_path / "made", {"photos": PHOTOS, "more": 1})
    (made / "photos").rename(tmp_path / "photos")
    (made / "more" / "disc" / "000.jpg").rename(tmp_path / "photo.jpg")
    return tmp_path


def options_for(command: str, desk: Path, cloud: Cloud) -> str:
    """Return the options that keep a command in the test's folders, and training short."""
    artifacts = f" --models {desk}/artifacts"
    local = f" --folder {cloud.folder}"
    match shlex.split(command)[1:3]:
        case ["classify", _]:
            return f" --url {cloud.url}"
        case ["model", "train"]:
            return f" --cache {desk}/pixels --threads 1 --size 32 --epochs 2"
        case ["model", "export" | "verify"]:
            return artifacts
        case ["model", "publish"]:
            return artifacts + local
        case ["model", "serve" | "rollback" | "list"]:
            return local
        case _:
            return ""


@pytest.mark.timeout(600)
def test_the_pages_commands_lead_from_photos_to_a_served_version_and_back(
    desk: Path, cloud: Cloud
) -> None:
    (block,) = (block for block in BLOCKS if "model verify" in block)
    printed: dict[str, str] = {}
    for command in block.splitlines():
        typed = command + options_for(command, desk, cloud)
        program, *arguments = shlex.split(typed)
        assert program == "warmlens"
        result = subprocess.run(
            [WARMLENS, *arguments], cwd=desk, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{typed}\n{result.stdout}{result.stderr}"
        printed[command] = result.stdout
    classified = next(text for command, text in printed.items() if "classify" in command)
    assert all(label in classified for label in COLOURS)
    assert "mine 1.0.0 now" in next(text for command, text in printed.items() if "serve" in command)
    rolled_back = next(text for command, text in printed.items() if "rollback" in command)
    assert f"{NAME} {VERSION} now; before, it was mine 1.0.0" in rolled_back

    manifest = json.loads((desk / "artifacts" / "mine" / "1.0.0" / "manifest.json").read_text())
    assert manifest["training"]["command"].startswith("warmlens model train --data photos")
    assert manifest["training"]["initial_weights_kind"] == "package"
    assert {metric["kind"] for metric in manifest["metrics"]} == {"measured"}
    recognition = manifest["recognition"]
    assert 0 < recognition["threshold"] < 1
    assert recognition["temperature"] > 0
    assert recognition["kept"]["images"] > 0 < recognition["found"]["images"]
    assert all(metric["data"] and metric["source"] for metric in manifest["metrics"])


@pytest.mark.parametrize("architecture", PAPER)
def test_the_sizes_on_the_page_are_those_that_were_measured(architecture: str) -> None:
    text = (ROOT / "docs" / "lab" / "records" / "model-sizes.jsonl").read_text()
    figures = {
        record.metric: record.value for record in read_records(text) if record.name == architecture
    }
    top1, top5, paper_size = PAPER[architecture]
    assert (figures["fp32_size"], figures["int8_size"]) == pytest.approx(
        (paper_size, paper_size / 4), rel=0.02
    )
    row = (
        f"| {architecture} | {top1:g} | {top5:g} | {paper_size:g} | {figures['fp32_size']:.1f} | "
        f"{figures['int8_size']:.1f} |"
    )
    assert row in PAGE


def test_the_comparison_on_the_page_is_the_one_that_was_measured() -> None:
    records = read_records(
        (ROOT / "docs" / "lab" / "records" / "model-comparison.jsonl").read_text()
    )
    for row in rows(records):
        assert row.seeds == (0, 1, 2)
        means = [row.figures[each].mean for each in ("test_top1", "hard_top1")]
        (found,) = re.findall(rf"^\| {row.name} \| 3 \| ([\d.]+) .*? \| ([\d.]+) ", PAGE, re.M)
        assert list(map(float, found)) == [round(each, 1) for each in means]


def test_every_command_of_the_page_exists() -> None:
    named = set(re.findall(r"warmlens model (\w+)", PAGE))
    shown = invoke(app, "model", "--help").stdout
    assert named
    assert all(re.search(rf"^ +{name} ", shown, re.MULTILINE) for name in named)
