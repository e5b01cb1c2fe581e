"""An exported run is a valid version that the service loads and answers with."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lambda_src.classifier.manifest import Geometry as ServiceGeometry
from lambda_src.classifier.picture import prepare
from tests.training.conftest import SIZE, Exported, Trainer
from tests.training.photo_folder import make_photo_folder
from tests.training.served import served
from training.export import ExportRequest, export_run
from training.model_card import model_card
from training.model_file import OnnxFile, geometry_of
from training.model_packages import import_model_package
from training.pixels import Geometry, read_pixels
from warmlens.errors import WarmlensError
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model

onnx: Any = import_model_package("onnx")
MISTAKES = re.compile(r"## Mistakes\n.*?(?=\n\n## )", re.DOTALL)
MAX_PIXELS = 1_000_000
MAX_DECODE_MS = 20_000


def largest_weight(model: Path) -> int:
    """Return the largest absolute value among the int8 weights of a quantized file."""
    largest = 0
    for tensor in onnx.load(model).graph.initializer:
        # Biases are int32, and zero points have one dimension.
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) > 1:
            values = onnx.numpy_helper.to_array(tensor).astype(np.int32)
            largest = max(largest, int(np.abs(values).max()))
    return largest


def test_the_version_matches_its_manifest(int8_version: Exported) -> None:
    assert verify_model(int8_version.folder) == []
    assert read_manifest(int8_version.folder) == int8_version.manifest


def test_the_service_loads_the_version_and_recognises_photos(
    int8_version: Exported, photos: Path
) -> None:
    model = served(int8_version.folder)
    tests = sorted((photos / "test").glob("*/*.jpg"))
    right = 0
    for photo in tests:
        pixels = model.prepare(
            photo.read_bytes(), max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS
        )
        predictions = model.classify(pixels)
        assert len(predictions) == 3
        assert sum(prediction.softmax for prediction in predictions) == pytest.approx(1, abs=1e-5)
        right += predictions[0].class_id == photo.parent.name
    metrics = {metric.name: metric.value for metric in int8_version.manifest.metrics}
    assert right / len(tests) == pytest.approx(metrics["test_top1_accuracy"], abs=1e-4)
    assert right / len(tests) > 0.6


def test_the_export_answers_as_pytorch_does_on_500_images(int8_version: Exported) -> None:
    parity = int8_version.manifest.parity
    assert parity is not None
    assert parity.images == 500
    assert parity.top1_agreement == 1
    assert parity.max_abs_softmax_difference <= 1e-5
    assert parity.max_abs_logit_difference is not None
    assert parity.max_abs_logit_difference <= 1e-4
    assert parity.subject is not None
    assert "fp32" in parity.subject


def test_int8_gives_the_best_class_of_fp32(int8_version: Exported) -> None:
    made = int8_version.manifest.quantization
    assert made is not None
    assert made.images == 45
    assert made.top1_agreement >= 0.95
    assert int8_version.manifest.files.bytes < 0.35 * made.fp32_bytes


def test_every_convolution_and_addition_of_a_resnet50_is_in_int8(
    resnet_version: Exported,
) -> None:
    graph = onnx.load(resnet_version.folder / "model.onnx", load_external_data=False).graph
    operators = Counter(node.op_type for node in graph.node)
    assert (operators["QLinearConv"], operators["QLinearAdd"]) == (53, 16)
    assert not {"Conv", "Add"} & set(operators)


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_an_optimized_graph_answers_as_the_one_it_was_made_of(
    small_run: Path, export: Callable[..., Exported], photos: Path, precision: str
) -> None:
    plain, optimized = (
        export(small_run, precision, optimize=optimize) for optimize in (False, True)
    )
    assert plain.manifest.optimization is None
    assert plain.manifest.files.weights is None
    assert optimized.manifest.optimization is not None
    assert optimized.manifest.files.weights is not None
    assert verify_model(optimized.folder) == []
    for photo in sorted((photos / "test").glob("*/*.jpg"))[:10]:
        pixels = read_pixels(photo, geometry_of(plain.manifest.input)).tobytes()
        answers = [served(version.folder).classify(pixels) for version in (plain, optimized)]
        assert [each.class_id for each in answers[0]] == [each.class_id for each in answers[1]]
        softmax = [[each.softmax for each in answer] for answer in answers]
        assert softmax[0] == pytest.approx(softmax[1], abs=1e-5)


def test_int8_weights_leave_room_for_16_bit_sums(int8_version: Exported) -> None:
    # Two products of a uint8 and a weight are added in int16 on CPUs without VNNI.
    weight = largest_weight(int8_version.folder / "model.onnx")
    assert 60 <= weight <= 64
    assert 2 * 255 * weight <= 2**15 - 1


def test_pixels_are_normalised_in_fp32(int8_version: Exported) -> None:
    graph = onnx.load(int8_version.folder / "model.onnx").graph
    makers = {output: node.op_type for node in graph.node for output in node.output}
    inputs = {node.name: [makers.get(name) for name in node.input] for node in graph.node}
    steps = ("to_float", "subtract_mean", "divide_by_std")
    # No transposition before: the channels of int8 layers come last, as those of an image do.
    assert [inputs[f"image_{step}"][0] for step in steps] == [None, "Cast", "Sub"]
    assert inputs["softmax"] == ["Mul"]  # by 1/temperature, in fp32, too
    assert inputs["divide_by_temperature"][0] == "DequantizeLinear"


@pytest.fixture(scope="module")
def resnet_version(resnet_run: Path, export: Callable[..., Exported]) -> Exported:
    return export(resnet_run, "int8")


def test_a_resnet50_is_exported_and_served(resnet_version: Exported, photos: Path) -> None:
    version = resnet_version
    assert verify_model(version.folder) == []
    assert version.manifest.architecture == "resnet50"
    assert 23e6 < version.manifest.files.bytes < 25e6
    assert version.manifest.parity is not None
    assert version.manifest.parity.top1_agreement == 1
    made = version.manifest.quantization
    assert made is not None
    assert made.top1_agreement >= 0.9
    photo = next((photos / "hard" / "disc").glob("*.jpg"))
    model = served(version.folder)
    pixels = model.prepare(photo.read_bytes(), max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
    assert len(model.classify(pixels)) == 3


def test_an_fp32_version_can_take_larger_images(
    small_run: Path, export: Callable[..., Exported]
) -> None:
    version = export(small_run, "fp32", size=48)
    assert verify_model(version.folder) == []
    assert (version.manifest.input.width, version.manifest.precision) == (48, "fp32")
    assert version.manifest.quantization is None
    assert version.manifest.parity is not None
    assert version.manifest.parity.subject is None


def test_the_same_run_is_exported_to_the_same_bytes(
    int8_version: Exported, small_run: Path, export: Callable[..., Exported]
) -> None:
    assert export(small_run, "int8").manifest.files == int8_version.manifest.files


def test_the_manifest_names_the_source_of_each_number(int8_version: Exported) -> None:
    manifest = int8_version.manifest
    names = {metric.name for metric in manifest.metrics}
    for split in ("test", "hard"):
        for figure in ("top1_accuracy", "top5_accuracy", "calibration_error"):
            assert {f"{split}_{figure}", f"fp32_{split}_{figure}"} <= names
    assert manifest.training is not None
    assert manifest.training.initial_weights_kind == "none"
    assert manifest.training.photos == {"train": 90, "val": 30, "test": 30, "hard": 15}
    assert manifest.provenance.licence == "CC0-1.0"


def test_the_card_is_written_from_the_manifest(int8_version: Exported) -> None:
    text = (int8_version.folder / "README.md").read_text()
    section = MISTAKES.search(text)
    assert section is not None
    labels = ("disc", "square", "triangle")
    assert text == model_card(int8_version.manifest, labels, (section[0].strip(),))
    value = next(m.value for m in int8_version.manifest.metrics if m.name == "test_top1_accuracy")
    assert f"| `test_top1_accuracy` | {value:g} |" in text


def test_labels_come_from_the_data_sets_file(
    trainer: Trainer, export: Callable[..., Exported], tmp_path: Path
) -> None:
    data = make_photo_folder(tmp_path / "data", {"train": 6, "val": 2, "test": 2})
    names = {"disc": "Red disc", "square": "Green square", "triangle": "Blue triangle"}
    (data / "dataset.json").write_text(json.dumps({"labels": names}))
    trainer.train(tmp_path / "run", "small-cnn", 1, data=data)
    labels = json.loads((export(tmp_path / "run", "fp32").folder / "labels.json").read_bytes())
    assert dict(zip(labels["ids"], labels["labels"], strict=True)) == names


def test_other_photos_than_the_runs_own_are_refused(
    small_run: Path, export: Callable[..., Exported], tmp_path: Path
) -> None:
    data = make_photo_folder(tmp_path / "data", {"train": 3, "val": 2, "test": 1})
    with pytest.raises(
        WarmlensError, match="has other photos than the run was trained on"
    ) as refused:
        export(small_run, "int8", data=data)
    assert refused.value.code == "other_data"


def test_groups_that_cannot_be_read_are_refused_before_the_export_begins(
    small_run: Path, photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "photos"
    shutil.copytree(photos, data)
    (data / "groups.json").write_text("[]")
    request = ExportRequest(
        small_run, "shapes", "1.0.0", "fp32", tmp_path / "out", "", "CC0-1.0", data=data
    )
    steps: list[str] = []
    with pytest.raises(WarmlensError) as refused:
        export_run(request, steps.append)
    assert (refused.value.code, steps) == ("bad_groups", [])


def test_a_folder_without_a_run_is_refused(export: Callable[..., Exported], tmp_path: Path) -> None:
    with pytest.raises(WarmlensError, match="has no training run") as refused:
        export(tmp_path, "int8")
    assert refused.value.code == "no_run"


def odd_photos() -> dict[str, Image.Image]:
    random = np.random.default_rng(0)
    plain = Image.fromarray(random.integers(0, 256, (61, 97, 3), dtype=np.uint8))
    faded = plain.convert("RGBA")
    faded.putalpha(Image.linear_gradient("L").resize(plain.size))
    return {
        "wide.png": plain,
        "tall.jpg": plain.rotate(90, expand=True),
        "large.jpg": plain.resize((523, 391)),  # decoded at a quarter
        "grey.png": plain.convert("L"),
        "palette.gif": plain.convert("P"),
        "transparent.png": faded,
        "deep.png": Image.fromarray(random.integers(0, 65536, (61, 97), dtype=np.uint16)),
    }


@pytest.mark.parametrize("name", odd_photos())
@pytest.mark.parametrize("resize", [40, 47])
def test_photos_are_prepared_exactly_as_the_service_does(
    tmp_path: Path, name: str, resize: int
) -> None:
    photo, image = tmp_path / name, odd_photos()[name]
    if name.endswith("jpg"):
        image.getexif()[0x0112] = 6  # lying on its side
        image.save(photo, exif=image.getexif())
    else:
        image.save(photo)
    ours = read_pixels(photo, Geometry(40, 40, resize, "bicubic"))
    geometry = ServiceGeometry(
        width=40, height=40, resize_shorter_side=resize, interpolation="bicubic"
    )
    theirs = prepare(
        photo.read_bytes(), geometry, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS
    )
    np.testing.assert_array_equal(ours, np.frombuffer(theirs, np.uint8).reshape(40, 40, 3))


def test_a_model_file_cut_in_half_is_refused(int8_version: Exported) -> None:
    raw = (int8_version.folder / "model.onnx").read_bytes()
    with pytest.raises(WarmlensError, match="cannot load the model file") as refused:
        OnnxFile(raw[: len(raw) // 2], int8_version.manifest.input)
    assert refused.value.code == "bad_model_file"


def test_the_input_is_what_was_trained_on(int8_version: Exported) -> None:
    assert geometry_of(int8_version.manifest.input) == Geometry(SIZE, SIZE, SIZE, "bicubic")
