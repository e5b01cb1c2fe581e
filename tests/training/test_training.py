"""Training in every mode, and the record of each run."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training.conftest import SIZE, Trainer
from tests.training.photo_folder import make_photo_folder
from training.batches import augmentation, stored_side
from training.config import Stage
from training.model_packages import import_model_package
from training.networks import build_network, parameter_count
from training.weights import load_weights_file
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
CHANCE = 1 / 3


@pytest.mark.parametrize("augment", [True, False], ids=["augmented", "plain"])
def test_the_small_cnn_learns_from_random_weights(
    trainer: Trainer, tmp_path: Path, augment: bool
) -> None:
    history = trainer.train(tmp_path / "run", "small-cnn", 6, augment=augment)
    assert max(epoch.val_top1 for epoch in history) > 2 * CHANCE


@pytest.mark.parametrize("augment", [True, False], ids=["augmented", "plain"])
@pytest.mark.parametrize(("mode", "epochs"), [("resnet50-head", 4), ("resnet50-full", 2)])
def test_fine_tuning_learns_from_an_earlier_run(
    trainer: Trainer, resnet_run: Path, tmp_path: Path, mode: str, epochs: int, augment: bool
) -> None:
    history = trainer.train(
        tmp_path / "run", mode, epochs, augment=augment, pretrained=str(resnet_run)
    )
    assert max(epoch.val_top1 for epoch in history) > 1.5 * CHANCE
    record = json.loads((tmp_path / "run" / "run.json").read_bytes())
    assert record["initial_weights"]["kind"] == "run"
    assert "pretrain of resnet50" in record["initial_weights"]["description"]


@pytest.mark.parametrize("augment", [True, False], ids=["augmented", "plain"])
def test_fine_tuning_the_head_changes_the_last_layer_alone(
    trainer: Trainer, resnet_run: Path, tmp_path: Path, augment: bool
) -> None:
    trainer.train(tmp_path / "run", "resnet50-head", 1, augment=augment, pretrained=str(resnet_run))
    before = load_weights_file(resnet_run / "best.safetensors")
    after = load_weights_file(tmp_path / "run" / "best.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}


def test_pretraining_goes_from_small_images_to_large_ones(trainer: Trainer, tmp_path: Path) -> None:
    stages = (Stage(32, 1), Stage(40, 1))
    history = trainer.train(tmp_path / "run", "pretrain", 0, architecture="resnet18", stages=stages)
    assert [epoch.size for epoch in history] == [32, 40]


def test_small_numbers_are_as_exact_after_a_run_as_before(small_run: Path) -> None:
    assert (small_run / "best.safetensors").exists()
    smallest = np.float64(5e-324)  # a denormal number, zero where they are flushed
    assert smallest * 1.0 > 0


def test_training_in_bf16_learns_too(trainer: Trainer, tmp_path: Path) -> None:
    history = trainer.train(tmp_path / "run", "small-cnn", 6, precision="bf16")
    assert max(epoch.val_top1 for epoch in history) > 2 * CHANCE


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    trainer: Trainer, tmp_path: Path
) -> None:
    runs = {"one": 1, "again": 1, "other": 2}
    weights = {}
    for name, seed in runs.items():
        trainer.train(tmp_path / name, "small-cnn", 1, seed=seed)
        weights[name] = (tmp_path / name / "best.safetensors").read_bytes()
    assert weights["one"] == weights["again"]
    assert weights["one"] != weights["other"]


def test_batches_loaded_by_other_processes_are_the_same(trainer: Trainer, tmp_path: Path) -> None:
    for workers in (0, 1):
        trainer.train(tmp_path / str(workers), "small-cnn", 1, workers=workers)
    files = [(tmp_path / name / "best.safetensors").read_bytes() for name in ("0", "1")]
    assert files[0] == files[1]


def test_a_run_stops_early_when_it_gets_no_better(trainer: Trainer, tmp_path: Path) -> None:
    history = trainer.train(
        tmp_path / "run", "small-cnn", 30, patience=2, learning_rate=1e-12, augment=False
    )
    assert len(history) < 30


def test_a_run_leaves_curves_as_lines_and_as_a_picture(small_run: Path) -> None:
    lines = (small_run / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(8))
    with Image.open(small_run / "curves.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 200


def test_a_run_on_a_folder_without_splits_holds_photos_back(
    trainer: Trainer, tmp_path: Path
) -> None:
    data = make_photo_folder(tmp_path / "splits", {"train": 20}) / "train"
    trainer.train(tmp_path / "run", "small-cnn", 1, data=data)
    counts = json.loads((tmp_path / "run" / "run.json").read_bytes())["data"]["counts"]
    assert counts == {"train": 42, "val": 9, "test": 9}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"stages": (Stage(16, 1),)}, "bad_setting", "size is 16; allowed: 32 to 512"),
        ({"epochs": 0}, "bad_setting", "epochs is 0"),
        ({"optimizer": "magic"}, "bad_setting", 'optimizer is "magic"; allowed: adamw, sgd'),
        ({"learning_rate": 0.0}, "bad_setting", "learning_rate is 0.0"),
        ({"mode": "vgg"}, "bad_setting", 'mode is "vgg"; allowed: small-cnn'),
        ({"architecture": "vgg16"}, "unknown_architecture", '"vgg16"'),
        ({"pretrained": "nowhere.pt"}, "weights_missing", "nowhere.pt is not a file"),
        ({"learning_rate": 1e30, "augment": False}, "diverged", "try a learning rate below"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    trainer: Trainer, tmp_path: Path, change: dict[str, Any], code: str, words: str
) -> None:
    asked = {"mode": "small-cnn", "epochs": 3, **change}
    with pytest.raises(WarmlensError, match=words) as refused:
        trainer.train(tmp_path / "run", **asked)
    assert refused.value.code == code


def test_a_class_that_training_does_not_have_is_refused(trainer: Trainer, tmp_path: Path) -> None:
    data = make_photo_folder(tmp_path / "data", {"train": 3, "val": 2})
    (data / "val" / "disc").rename(data / "val" / "disk")
    with pytest.raises(WarmlensError, match='has the class "disk"') as refused:
        trainer.train(tmp_path / "run", "small-cnn", 1, data=data)
    assert refused.value.code == "labels_mismatch"
    assert not (tmp_path / "run").exists()


def test_a_photo_that_cannot_be_decoded_is_named(trainer: Trainer, tmp_path: Path) -> None:
    data = make_photo_folder(tmp_path / "data", {"train": 3, "val": 2})
    broken = data / "train" / "disc" / "001.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(WarmlensError, match=r"disc/001\.jpg cannot be decoded") as refused:
        trainer.train(tmp_path / "run", "small-cnn", 1, data=data)
    assert refused.value.code == "unreadable_photo"
    assert f"`warmlens model data check {data}` lists every such photo" in refused.value.message


def test_weights_of_another_architecture_are_refused(
    trainer: Trainer, small_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(WarmlensError, match="weights of small-cnn; this run needs resnet50"):
        trainer.train(tmp_path / "run", "resnet50-head", 1, pretrained=str(small_run))


def test_fine_tuning_takes_weights_that_were_trained_on_other_classes(
    trainer: Trainer, small_run: Path, tmp_path: Path
) -> None:
    data = make_photo_folder(tmp_path / "data", {"train": 8, "val": 2})
    for split in ("train", "val"):
        shutil.rmtree(data / split / "disc")
    trainer.train(tmp_path / "run", "small-cnn", 1, data=data, pretrained=str(small_run))
    weights = load_weights_file(tmp_path / "run" / "best.safetensors")
    assert weights["fc.weight"].shape[0] == 2


def test_the_small_cnn_has_about_0_4_million_parameters() -> None:
    assert 350_000 < parameter_count(build_network("small-cnn", 30)) < 450_000


def test_augmentation_changes_a_photo_but_not_its_form() -> None:
    side = stored_side(SIZE)
    image = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (3, side, side), dtype=np.uint8)
    )
    torch.manual_seed(0)
    changed = [augmentation(SIZE)(image) for _ in range(3)]
    assert all(one.shape == (3, SIZE, SIZE) and one.dtype == torch.uint8 for one in changed)
    assert not torch.equal(changed[0], changed[1])
