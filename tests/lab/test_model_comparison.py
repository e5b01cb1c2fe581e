"""The page's table of training on real photos, and its sentences about the paper."""

from typing import Any

from lab.kept_records import RECORDS
from lab.model_comparison import agreement, comparison
from training.comparison_records import parse_variants, rows, run_records
from warmlens.records import Record, read_records

PHOTOS: dict[str, Any] = {
    "targets": [0] * 60 + [1] * 20 + [2] * 20,
    "classes": ["Gala", "Pink Lady", "Milk"],
    "coarse": ["Apple", "Apple", "Milk"],
    "packages": [False, False, True],
}


def about() -> Record:
    return Record(
        name="photos", metric="test_photos", value=100, unit="photos", kind="measured",
        conditions=PHOTOS, command="", machine="a machine", date="2026-11-30",
    )  # fmt: skip


def run(slug: str, answers: list[int], **changes: Any) -> list[Record]:
    (variant,) = parse_variants(slug)
    conditions = {
        "variant": slug, "mode": variant.mode, "seed": 0, "stages": "3 epochs at 64 px",
        "size_px": 64, "mirror": False,
        "minutes": 12.4, "initial_weights_kind": "none", "initial_weights": "random weights",
        **changes,
    }  # fmt: skip
    return run_records(variant, "test", PHOTOS, answers, conditions=conditions, command="")


ALL_RIGHT = PHOTOS["targets"]
ALL_GALA = [0] * 100
TWO_WRONG = [1, 1, *ALL_RIGHT[2:]]


def test_the_table_has_all_photos_packages_and_coarse_classes() -> None:
    records = [about(), *run("small-cnn-plain", ALL_GALA)]
    text = comparison(records)
    assert "Accuracy in % on 100 test photos, 20 of them of packages" in text
    assert (
        "| own CNN | random weights | 3 epochs at 64 px | 1 | 60.0 (49.7 to 69.7) "
        "| 0.0 (0.0 to 16.8) | 80.0 (70.8 to 87.3) | 12 |"
    ) in text
    assert "points" not in text
    assert (
        "- Of the paper's figure, not measured yet: ResNet50, last layer; ResNet50, whole;" in text
    )


def test_what_agrees_with_the_paper_and_what_does_not_follows_from_the_answers() -> None:
    imagenet = {"initial_weights_kind": "torchvision"}
    worse, same, better = (
        [about(), *run("small-cnn-plain", own), *run("resnet50-full-plain", resnet, **imagenet)]
        for own, resnet in ((ALL_RIGHT, ALL_GALA), (TWO_WRONG, ALL_RIGHT), (ALL_GALA, ALL_RIGHT))
    )
    (sentence,) = agreement(rows(worse))
    assert sentence.startswith("ResNet50, whole, against own CNN: -40.0 points")
    assert sentence.endswith("the paper has the other order.")
    (sentence,) = agreement(rows(same))
    assert sentence.endswith("too close to say.")
    (sentence,) = agreement(rows(better))
    assert sentence.endswith("as in the paper.")
    elsewhere = run("resnet50-full-plain", ALL_RIGHT, initial_weights_kind="run")
    (sentence,) = agreement(rows([about(), *run("small-cnn-plain", ALL_GALA), *elsewhere]))
    assert "as in the paper. Not ImageNet's weights" in sentence


def test_augmentation_is_judged_between_runs_of_the_same_training_only() -> None:
    plain = run("resnet50-full-plain", ALL_GALA)
    longer = run("resnet50-full-augmented", ALL_RIGHT, stages="9 epochs at 64 px")
    assert list(agreement(rows([about(), *plain, *longer]))) == []
    as_long = run("resnet50-full-augmented", ALL_RIGHT, mirror=True)
    (sentence,) = agreement(rows([about(), *plain, *longer, *as_long]))
    assert "ResNet50, whole, augmented, against ResNet50, whole: +40.0 points" in sentence


def test_a_start_that_is_neither_random_nor_imagenets_is_described() -> None:
    started = "an earlier run of warmlens, distilled, which learned; started from random weights"
    records = run(
        "resnet50-full-plain", ALL_RIGHT, initial_weights_kind="run", initial_weights=started
    )
    text = comparison([about(), *records])
    assert "| ResNet50, whole | an earlier run |" in text
    assert "That is an earlier run of warmlens, distilled. It learned. Started from random" in text


def test_every_recorded_figure_follows_from_the_recorded_answers() -> None:
    records = read_records((RECORDS / "groceries.jsonl").read_text(encoding="utf-8"))
    (photos,) = (each.conditions for each in records if each.metric == "test_photos")

    def of(record: Record) -> tuple[object, ...]:
        return (record.name, *(record.conditions[key] for key in ("stages", "seed", "size_px")))

    answers = {
        of(each): each.conditions["answers"] for each in records if each.metric == "test_top1"
    }
    checked = 0
    for each in records:
        if each.name == "photos":
            continue
        pairs = list(zip(photos["targets"], answers[of(each)], strict=True))
        coarse, packages = photos["coarse"], photos["packages"]
        right = {
            "test_top1": [a == b for a, b in pairs],
            "test_packages_top1": [a == b for a, b in pairs if packages[a]],
            "test_coarse_top1": [coarse[a] == coarse[b] for a, b in pairs],
        }[each.metric]
        assert each.value == round(100 * sum(right) / len(right), 2)
        assert each.conditions["photos"] == len(right)
        checked += 1
    assert checked
