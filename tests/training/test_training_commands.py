"""The training commands, from a folder of photos to an evaluated version."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.invoke import Result, invoke
from tests.training.conftest import SIZE, Trainer
from training.commands import app
from warmlens.registry.commands import app as models
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model


def run(*arguments: object) -> Result:
    return invoke(app, *map(str, arguments))


def test_a_folder_of_photos_becomes_a_version_with_figures(
    trainer: Trainer, tmp_path: Path
) -> None:
    artifacts = tmp_path / "artifacts"
    trained = run(
        "train", "--data", trainer.photos, "--architecture", "small-cnn", "--out", tmp_path / "run",
        "--name", "shapes", "--size", SIZE, "--epochs", 4, "--cache", trainer.cache,
    )  # fmt: skip
    assert trained.exit_code == 0, trained.output
    first, *_, last = trained.stderr.splitlines()
    assert first == "165 photos, 3 classes, small-cnn, 4 epochs at 32 px"
    assert "epoch 4/4 at 32 px" in trained.stderr
    assert last == f"Next: warmlens model export {tmp_path / 'run'} --name shapes --version 1.0.0"
    exported = run(
        "export", tmp_path / "run", "--name", "shapes", "--version", "2.0.0", "--models", artifacts
    )
    assert exported.exit_code == 0, exported.output
    for step in ("exporting", "quantizing to int8", "evaluating on the test photos"):
        assert f"export: {step}\n" in exported.stderr
    assert verify_model(artifacts / "shapes" / "2.0.0") == []
    recognition = read_manifest(artifacts / "shapes" / "2.0.0").recognition
    assert recognition is not None
    assert f"Threshold {recognition.threshold:g} at temperature" in exported.stdout
    assert "Only 30 photos chose the threshold" in exported.stderr
    listed = json.loads(invoke(models, "list", "--models", str(artifacts), "--json").stdout)
    (row,) = listed["models"]
    shown = (row["threshold"], row["kept"], row["found"], row["auroc"])
    assert shown == (
        recognition.threshold, recognition.kept.share, recognition.found.share, recognition.auroc
    )  # fmt: skip
    arguments = (
        "evaluate", "shapes", "2.0.0", "--data", trainer.photos, "--models", artifacts,
        "--pictures", tmp_path / "pictures",
    )  # fmt: skip
    evaluated = run(*arguments)
    assert evaluated.exit_code == 0, evaluated.output
    assert "test: 30 photos, top-1" in evaluated.stdout
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == [f"confusion-shapes-2.0.0-{split}.png" for split in ("hard", "test")]
    document = json.loads(run(*arguments, "--json").stdout)
    assert document["evaluations"]["hard"]["photos"] == 15
    assert document["evaluations"]["test"]["recognized"] == pytest.approx(
        recognition.kept.share, abs=1e-4
    )
    assert document["recognition"]["threshold"] == recognition.threshold


def test_pretraining_and_fine_tuning_are_two_commands(trainer: Trainer, tmp_path: Path) -> None:
    first = run(
        "pretrain", "--data", trainer.photos, "--out", tmp_path / "first", "--stages", "32:1",
        "--architecture", "resnet50", "--no-augment", "--cache", trainer.cache,
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    second = run(
        "train", "--data", trainer.photos, "--architecture", "resnet50", "--only-head",
        "--out", tmp_path / "second", "--name", "head", "--stages", "32:1",
        "--pretrained", tmp_path / "first",
        "--no-augment", "--cache", trainer.cache,
    )  # fmt: skip
    assert second.exit_code == 0, second.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "--architecture", "small-cnn", "--stages", "64"), 'bad_setting: stages is "64"'),
        (
            ("train", "--architecture", "small-cnn", "--stages", "64:1", "--size", "64"),
            "bad_setting: --stages has sizes and epochs",
        ),
        (("pretrain", "--architecture", "vgg"), "unknown_architecture: There is no architecture"),
    ],
)
def test_a_training_with_wrong_options_is_refused_in_a_line(
    trainer: Trainer, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    name = ("--name", "x") if arguments[0] == "train" else ()
    refused = run(
        *arguments,
        *name,
        "--data",
        trainer.photos,
        "--out",
        tmp_path / "r",
        "--cache",
        trainer.cache,
    )
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--architecture", "nothing", "'small-cnn', 'resnet50', 'efficientnet-lite0'"),
        ("--architecture", "resnet50-full", "'small-cnn', 'resnet50', 'efficientnet-lite0'"),
        ("--precision", "int4", "'auto', 'fp32', 'bf16', 'fp16'"),
        ("--optimizer", "magic", "'adamw', 'sgd'"),
    ],
)
def test_a_wrong_choice_is_refused_with_the_allowed_ones(
    tmp_path: Path, option: str, value: str, allowed: str
) -> None:
    options = {"--data": "d", "--architecture": "small-cnn", "--name": "n", option: value}
    refused = run("train", *(word for pair in options.items() for word in pair))
    assert refused.exit_code == 2
    assert refused.stderr.startswith(
        f"usage: Invalid value for '{option}': '{value}' is not one of"
    )
    assert allowed in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_run_without_a_folder_goes_to_runs(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = (
        "--data", trainer.photos, "--architecture", "small-cnn", "--size", SIZE, "--epochs", 1,
    )  # fmt: skip
    trained = run("train", *options, "--name", "mine", "--cache", trainer.cache)
    assert trained.exit_code == 0, trained.stderr
    assert (tmp_path / "runs" / "mine" / "best.safetensors").exists()
    refused = run("train", *options, "--name", "../mine", "--cache", trainer.cache)
    assert "bad_setting" in refused.stderr
    assert "add --out FOLDER" in refused.stderr
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name what to import"),
        (("resnet9",), '"resnet9" cannot be imported'),
        (("--file", "w.pt"), "--file needs --labels FILE and --name NAME"),
        (("--file", "w.pt", "--labels", "l", "--name", "n", "--size", "8"), "size is 8; allowed"),
        (
            ("--file", "w.pt", "--labels", "l", "--name", "n", "--resize", "8"),
            "resize is 8; allowed: 224",
        ),
    ],
)
def test_an_import_with_wrong_options_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"fc.bias": torch.zeros(2)}, "w.pt")
    refused = run("import", *arguments, "--models", tmp_path)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("train --data d --architecture small-cnn --out o --name n", "torch"),
        ("pretrain --data d --out o", "torch"),
        ("export r --name n --version 1.0.0", "torch"),
        ("evaluate n 1.0.0 --data d", "numpy"),
        ("import resnet50-imagenet", "torch"),
        ("import efficientnet-lite0", "torch"),
    ],
)
def test_without_the_packages_a_command_says_in_one_line_what_to_install(
    tmp_path: Path, command: str, missing: str
) -> None:
    # A finder in front of all others stands for an environment without the package.
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "{missing}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from training.commands import app
from warmlens.command_line import run
sys.exit(run(app))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
    )
    assert done.returncode == 1
    assert "pip install 'warmlens[training]'" in done.stderr
    assert done.stderr.count("\n") == 1
