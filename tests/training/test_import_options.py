"""Options of `warmlens model import --file`."""

from pathlib import Path

import pytest

from tests.invoke import invoke
from tests.training.onnx_file import GENERATOR, SIDE, classifier
from tests.training.photo_folder import draw_photo
from training.commands import app
from training.parity import photos_in
from training.preprocessing import parse_normalization
from warmlens.errors import WarmlensError
from warmlens.registry.manifest_file import read_manifest


def test_the_command_takes_the_options_and_says_what_it_did(tmp_path: Path, labels: Path) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(classifier(end="Softmax").SerializeToString())
    draw_photo("disc", GENERATOR).save(tmp_path / "disc.jpg")
    arguments = [
        "import", "--file", file, "--labels", labels, "--name", "mine", "--models", tmp_path / "m",
        "--crop", SIDE, "--resize", 40, "--interpolation", "bicubic", "--mean", "0.5",
        "--std", "0.5",
    ]  # fmt: skip
    done = invoke(app, *map(str, arguments))
    assert done.exit_code == 0, done.output
    assert "The graph gives a softmax" in done.stdout
    assert "Compared with the original on generated images; --photos adds yours." in done.stdout
    spec = read_manifest(tmp_path / "m" / "mine" / "1.0.0").input
    assert (spec.width, spec.resize_shorter_side, spec.interpolation) == (SIDE, 40, "bicubic")
    done = invoke(app, *map(str, [*arguments, "--version", "1.0.1", "--photos", tmp_path]))
    assert done.exit_code == 0, done.output
    assert "generated images" not in done.stdout
    parity = read_manifest(tmp_path / "m" / "mine" / "1.0.1").parity
    assert parity is not None
    assert "1 photos of the user" in parity.data


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, "1") for option in ("--size", "--mean", "--photos", "--key", "--labels")),
        ("--size", "0"),
        ("--mean", ""),
        ("--licence", "MIT"),
    ],
)
def test_options_of_a_file_without_a_file_are_refused(option: str, value: str) -> None:
    done = invoke(app, "import", "efficientnet-lite0", option, value)
    assert done.exit_code == 1
    assert f"{option} goes with --file FILE" in done.stderr


def test_another_version_of_efficientnet_is_refused() -> None:
    done = invoke(app, "import", "efficientnet-lite0", "--version", "1.0.1")
    assert done.exit_code == 1
    assert "efficientnet-lite0 is version 1.0.0; leave out --version" in done.stderr


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ("0.5", None, "--mean and --std belong together"),
        (None, "0.5", "--mean and --std belong together"),
        ("0.5,0.5", "0.5", r'mean is "0.5,0.5"; allowed: one number or three'),
        ("123.675,116.28,103.53", "58,57,57", "divide values of the scale 0 to 255 by 255"),
        ("0.5", "0", "std is .* from 0.001 to 1"),
        ("-0.1", "0.5", "mean is .* from 0 to 1"),
        ("nan", "0.5", "mean is"),
        ("x", "0.5", 'mean is "x"'),
        ("", "0.5", 'mean is ""'),
    ],
)
def test_mean_and_deviation_out_of_range_are_refused(
    mean: str | None, std: str | None, words: str
) -> None:
    with pytest.raises(WarmlensError, match=words) as refused:
        parse_normalization(mean, std)
    assert refused.value.code == "bad_setting"


def test_mean_and_deviation_are_taken_as_torchvision_has_them() -> None:
    mean, std = parse_normalization("[0.485, 0.456, 0.406]", "0.229,0.224,0.225")
    assert (mean, std) == parse_normalization(None, None)


def test_photos_to_compare_on_are_those_that_training_reads(tmp_path: Path) -> None:
    for name in ("a.jpg", "more/b.jpg", "@eaDir/a.jpg", "__MACOSX/a.jpg", ".cache/a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        draw_photo("disc", GENERATOR).save(tmp_path / name)
    assert photos_in(tmp_path) == [tmp_path / "a.jpg", tmp_path / "more" / "b.jpg"]
