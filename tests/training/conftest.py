"""Fixtures: photos, trained runs, exported versions, and files to import."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.class_folders import CLASSES, COUNTS, fill
from tests.training.photo_folder import make_photo_folder
from tests.training.resnet_weights import State, small
from training.config import Stage, config_for
from training.export import ExportRequest, export_run
from training.history import Epoch
from training.import_weights import ImportRequest
from training.loop import Hooks
from training.preprocessing import Preprocessing
from training.train import RunRequest, train
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
        request = RunRequest(
            name="shapes",
            out=out,
            config=config,
            pretrained=pretrained,
            command="warmlens model train",
            cache=self.cache,
            workers=workers,
            threads=1,  # as fast on a busy machine, and the same sums on each
            checkpoint_s=checkpoint_s,
            hooks=hooks or Hooks(),
        )
        return train(request, data or self.photos)


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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `root` and `flat` copy; tests must not change it."""
    root = tmp_path_factory.mktemp("made")
    seed = 0
    for split, count in COUNTS.items():
        for name in CLASSES:
            seed = fill(root / split / name, count, seed)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A folder of splits whose only problem is that it has few photos."""
    shutil.copytree(made, tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def flat(made: Path, tmp_path: Path) -> Path:
    """A folder of classes without splits."""
    for name in CLASSES:
        shutil.copytree(made / "train" / name, tmp_path / "flat" / name)
    return tmp_path / "flat"


@pytest.fixture(scope="session")
def weights() -> State:
    """Weights of a small ResNet18 with three classes; tests must not change them."""
    return small(0)


@pytest.fixture(scope="session")
def others() -> State:
    """Weights of the same names as `weights` with other values."""
    return small(1)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Labels of three classes."""
    path = tmp_path / "labels.txt"
    path.write_text("apple\npear\nplum\n")
    return path


@pytest.fixture
def request_(tmp_path: Path) -> ImportRequest:
    """The import of a model `mine`, of 32 pixels."""
    return ImportRequest(
        name="mine",
        version="1.0.0",
        out=tmp_path / "artifacts",
        command="warmlens model import",
        licence="MIT",
        preprocessing=Preprocessing(size=SIZE, resize=SIZE),
    )
