"""Small class folders, and the findings of the check and of training about them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data_check import check_data
from training.dataset import read_dataset
from warmlens.errors import WarmlensError

CLASSES = ("apple", "bread", "cheese")
COUNTS = {"train": 4, "val": 2, "test": 2}


def save_picture(path: Path, seed: int, side_px: int = 96) -> None:
    """Save a picture of smooth blobs, different for each seed."""
    cells = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(cells).resize((side_px, side_px), Image.Resampling.BICUBIC).save(path)


def fill(folder: Path, count: int, first: int) -> int:
    for number in range(count):
        save_picture(folder / f"{number}.jpg", first + number)
    return first + count


def codes(root: Path) -> dict[str, tuple[str, ...]]:
    """Return what the check finds besides few photos."""
    findings = check_data(root).findings
    return {each.code: each.paths for each in findings if each.code != "few_images"}


def agree(root: Path, code: str) -> str:
    """Require that check and training refuse a folder alike, and return the finding."""
    (found,) = [each for each in check_data(root).findings if each.code == code]
    assert found.severity == "error"
    with pytest.raises(WarmlensError) as refused:
        read_dataset(root)
    assert refused.value.code == code
    assert found.message in refused.value.message
    return found.message
