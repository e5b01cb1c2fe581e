"""An interrupted run that continues gives the same result as an uninterrupted one."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import SIZE, Trainer
from training.history import Epoch
from training.loop import Hooks
from training.run_folder import RunFolder
from warmlens.errors import WarmlensError

EPOCHS = 3
STEPS = EPOCHS * (90 // 16)
CLI = """
import sys
from training.commands import app
from warmlens.command_line import run
sys.exit(run(app))
"""
KILLED_CLI = f"""
import os, signal
from training import loop
save = loop.save_checkpoint
def save_once(path, state):
    if path.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    save(path, state)
loop.save_checkpoint = save_once
{CLI}"""


class StoppedError(Exception):
    """An interruption of a run."""


def stop_at(step: int) -> Hooks:
    def on_step(done: int, _: int) -> None:
        if done == step:
            raise StoppedError

    return Hooks(on_step=on_step)


def measured(history: list[Epoch]) -> list[Epoch]:
    """Return the measurements without the seconds, which always differ."""
    return [dataclasses.replace(epoch, seconds=0) for epoch in history]


@pytest.fixture(scope="module")
def whole(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Epoch], bytes]:
    """History and best weights of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    history = trainer.train(out, "small-cnn", EPOCHS)
    return measured(history), (out / "best.safetensors").read_bytes()


@pytest.mark.parametrize("step", [1, 5, 7, STEPS - 1], ids="at_step_{}".format)
@pytest.mark.parametrize("checkpoint_s", [0, 300], ids=["each_step", "each_epoch"])
def test_a_stopped_run_ends_as_an_uninterrupted_one(
    trainer: Trainer,
    whole: tuple[list[Epoch], bytes],
    tmp_path: Path,
    step: int,
    checkpoint_s: float,
) -> None:
    out = tmp_path / "run"
    with pytest.raises(StoppedError):
        trainer.train(out, "small-cnn", EPOCHS, hooks=stop_at(step), checkpoint_s=checkpoint_s)
    history = trainer.train(out, "small-cnn", EPOCHS)
    assert measured(history) == whole[0]
    assert (out / "best.safetensors").read_bytes() == whole[1]


def test_a_folder_in_which_another_command_trains_is_refused(
    trainer: Trainer, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with RunFolder(out).held(), pytest.raises(WarmlensError) as refused:
        trainer.train(out, "small-cnn", 1)
    assert refused.value.code == "run_in_use"
    assert list(out.iterdir()) == []
    assert len(trainer.train(out, "small-cnn", 1)) == 1


def test_a_finished_run_is_left_as_it_is(trainer: Trainer, small_run: Path) -> None:
    before = {path: path.read_bytes() for path in small_run.iterdir()}
    steps: list[int] = []
    trainer.train(
        small_run, "small-cnn", 8, hooks=Hooks(on_step=lambda step, _: steps.append(step))
    )
    assert steps == []
    assert {path: path.read_bytes() for path in small_run.iterdir()} == before


def test_a_run_killed_within_an_epoch_goes_on_and_ends_the_same(
    trainer: Trainer, whole: tuple[list[Epoch], bytes], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = [
        "train", "--data", str(trainer.photos), "--architecture", "small-cnn", "--out", str(out),
        "--name", "shapes", "--epochs", str(EPOCHS), "--size", str(SIZE), "--batch-size", "16",
        "--precision", "fp32", "--checkpoint-minutes", "0", "--threads", "1",
        "--cache", str(trainer.cache),
    ]  # fmt: skip

    def run(program: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
        )

    assert run(KILLED_CLI).returncode == -signal.SIGKILL
    assert (out / "checkpoint.pt").exists()
    done = run(CLI)
    assert done.returncode == 0, done.stderr
    assert (out / "best.safetensors").read_bytes() == whole[1]
    assert "best top-1 accuracy on the validation photos" in done.stdout


def test_half_a_checkpoint_is_refused_and_left_alone(trainer: Trainer, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(StoppedError):
        trainer.train(out, "small-cnn", EPOCHS, hooks=stop_at(3), checkpoint_s=0)
    checkpoint = out / "checkpoint.pt"
    half = checkpoint.read_bytes()[: checkpoint.stat().st_size // 2]
    checkpoint.write_bytes(half)
    with pytest.raises(WarmlensError, match=r"checkpoint\.pt is damaged or incomplete") as refused:
        trainer.train(out, "small-cnn", EPOCHS)
    assert refused.value.code == "unreadable_weights"
    assert checkpoint.read_bytes() == half


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "settings seed 0; asked for: 1"),
        ({"augment": False}, "settings augment True; asked for: False"),
    ],
)
def test_another_run_does_not_go_on_with_this_one(
    trainer: Trainer, small_run: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(WarmlensError, match=words) as refused:
        trainer.train(small_run, "small-cnn", 8, **change)
    assert refused.value.code == "other_run"
