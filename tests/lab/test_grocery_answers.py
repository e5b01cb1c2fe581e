"""`python -m lab grocery-answers`: photos that the shipped models answer right, wrong or not."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lab.grocery_answers import (
    bananas,
    measure_grocery_answers,
    outcomes,
    recognized,
    refused_by_threshold,
)
from lab.kept_records import kept_records
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.records import Record


def groceries(folder: Path) -> Path:
    """A folder of the form of the data set, in which a cat and a cup are called bananas."""
    for split, photos in (("val", ("cat",)), ("test", ("cat", "coffee"))):
        (folder / split / "Banana").mkdir(parents=True)
        for photo in photos:
            shutil.copy(ROOT / "web" / "samples" / f"{photo}.jpg", folder / split / "Banana")
    return folder


def test_photos_of_other_things_are_refused_or_wrong(tmp_path: Path) -> None:
    counts = {
        (each.name, each.conditions["photos"], each.metric): (
            each.conditions["count"],
            each.samples,
        )
        for each in measure_grocery_answers(groceries(tmp_path))
    }
    # As docs/models.md has it: only the model of everyday things has names for both.
    assert counts["groceries-lite2", "validation", "refused_share"] == (1, 1)
    assert counts["groceries-lite2", "test", "refused_share"] == (2, 2)
    assert counts["groceries-lite2", "test", "refused_share_of_wrong"] == (2, 2)
    assert counts["products-resnet50", "bananas", "refused_share"] == (2, 2)
    assert counts["imagenet-efficientnet-lite0", "bananas", "wrong_share"] == (2, 2)
    assert ("groceries-lite2", "test", "right_share_of_recognized") not in counts  # none was


@pytest.mark.parametrize("missing", ["val", "test"])
def test_a_folder_without_a_part_of_the_photos_is_refused(tmp_path: Path, missing: str) -> None:
    shutil.rmtree(groceries(tmp_path) / missing)
    with pytest.raises(WarmlensError) as refused:
        list(measure_grocery_answers(tmp_path))
    assert refused.value.code == "no_images"


def made(name: str, photos: str, right: list[int], refused: list[int]) -> list[Record]:
    return list(outcomes(name, photos, np.array(right, bool), np.array(refused, bool)))


def test_each_photo_is_right_wrong_or_refused_whichever_its_name() -> None:
    records = made("a", "test", [1, 1, 1, 0, 0, 1], [0, 0, 1, 1, 0, 0])
    shares = {each.metric: (each.conditions["count"], each.samples) for each in records}
    assert shares == {
        "right_share": (3, 6),
        "wrong_share": (1, 6),
        "refused_share": (2, 6),
        "right_share_of_recognized": (3, 4),
        "wrong_share_of_refused": (1, 2),
        "refused_share_of_wrong": (1, 2),
    }
    assert [each.value for each in records] == [3 / 6, 1 / 6, 2 / 6, 3 / 4, 1 / 2, 1 / 2]
    assert all(each.interval[0] < each.value < each.interval[1] for each in records)  # type: ignore[index]


def test_the_sentences_follow_the_records() -> None:
    records = [
        *made("groceries-lite2", "validation", [1, 1], [0, 1]),
        *made("groceries-lite2", "test", [1, 1, 0, 0], [0, 1, 1, 1]),
        *made("groceries-lite2", "bananas", [1, 1, 0], [0, 0, 1]),
        *made("imagenet-efficientnet-lite0", "bananas", [1, 0, 0], [0, 0, 1]),
        *made("products-resnet50", "bananas", [0, 0, 0], [0, 1, 1]),
    ]
    text = " ".join(bananas(records).split())
    assert "the 3 test photos of bananas" in text
    assert "- `groceries-lite2`: 2 right, 0 wrong, 1 not sure" in text
    assert "- `imagenet-efficientnet-lite0`: 1 right, 1 wrong, 1 not sure" in text
    assert "- `products-resnet50`: 0 right, 1 wrong, 2 not sure" in text
    text = " ".join(refused_by_threshold(records).split())
    assert "50.0 % (9.5 to 90.5) of 2 validation photos" in text
    assert "would have answered 66.7 % (20.8 to 93.9) of 3 refused test photos wrong" in text
    text = " ".join(recognized(records).split())
    assert "recognizes, 100.0 % (20.7 to 100.0) of 1 are right" in text
    assert "wrong answers to test photos, it refuses 100.0 % (34.2 to 100.0) of 2." in text


def test_the_kept_records_are_of_the_whole_data_set() -> None:
    of = {
        (each.name, each.conditions["photos"]): each.samples
        for each in kept_records("grocery-answers")
        if each.metric == "refused_share"
    }
    assert of["groceries-lite2", "test"] == 1243
    assert {name for name, photos in of if photos == "bananas"} == {
        "groceries-lite2",
        "imagenet-efficientnet-lite0",
        "products-resnet50",
    }
