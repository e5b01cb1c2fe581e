"""Fixtures: photos, trained runs and exported versions."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.photo_folder import make_photo_folder
from training.config import Stage, config_for
from training.export import ExportRequest, export_run
from training.history import Epoch
from training.loop import Hooks
from training.train import train
from warmlens.registry.manifest import Manifest, Precision

SIZE = 32


@dataclasses.dataclass(frozen=True)
class Trainer:
    """A function that trains on the tiny photo folder, with a cache shared by all runs."""

    photos: Path
    cache: Path

    def train(
        self,
        out: Path,
        mode: str,
        epochs: int,
        *,
        augment: bool = True,
        seed: int = 0,
        pretrained: str = "none",
        hooks: Hooks | None = None,
        checkpoint_s: float = 300,
        workers: int = 0,
        data: Path | None = None,
        **changes: Any,
    ) -> list[Epoch]:
        config = config_for(
            mode,
            seed=seed,
            augment=augment,
            precision=changes.pop("precision", "fp32"),
            stages=changes.pop("stages", (Stage(SIZE, epochs),)),
            batch_size=16,
            **changes,
        )
        return train(
            name="shapes",
            data=data or self.photos,
            out=out,
            config=config,
            pretrained=pretrained,
            command="warmlens model train",
            cache=self.cache,
            workers=workers,
            threads=1,  # as fast on a busy machine, and the same sums on each
            checkpoint_s=checkpoint_s,
            hooks=hooks,
        )


@dataclasses.dataclass(frozen=True)
class Exported:
    """An exported version: its folder and manifest."""

    folder: Path
    manifest: Manifest


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny folder of photos; tests must not change it."""
    return make_photo_folder(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def trainer(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(photos, tmp_path_factory.mktemp("pixels"))


@pytest.fixture(scope="session")
def small_run(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the small CNN."""
    out = tmp_path_factory.mktemp("runs") / "small"
    trainer.train(out, "small-cnn", 8)
    return out


@pytest.fixture(scope="session")
def resnet_run(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a ResNet50, trained for seconds from random weights."""
    out = tmp_path_factory.mktemp("runs") / "resnet"
    trainer.train(out, "pretrain", 6, augment=False)
    return out


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Exported]:
    """Exports a run to a folder of its own."""

    def export(run: Path, precision: Precision, **changes: Any) -> Exported:
        root = tmp_path_factory.mktemp("artifacts")
        request = ExportRequest(
            run=run,
            name="shapes",
            version="1.0.0",
            precision=precision,
            out=root,
            command="warmlens model export",
            licence="CC0-1.0",
            **changes,
        )
        manifest = export_run(request)
        return Exported(root / "shapes" / "1.0.0", manifest)

    return export


@pytest.fixture(scope="session")
def int8_version(small_run: Path, export: Callable[..., Exported]) -> Exported:
    """The small CNN as an int8 version; tests must not change it."""
    return export(small_run, "int8")
