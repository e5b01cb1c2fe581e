"""ONNX files of other programs, imported and served with the same answers."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.onnx_file import (
    CLASSES,
    SIDE,
    WEIGHT,
    T,
    classifier,
    helper,
    more_outputs,
    with_external_data,
)
from tests.training.photo_folder import draw_photo
from tests.training.served import served
from training.import_weights import ImportRequest, import_file
from training.model_packages import import_model_package
from training.preprocessing import Preprocessing, parse_normalization
from warmlens.errors import WarmlensError
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model

onnxruntime: Any = import_model_package("onnxruntime")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
TAKEN: dict[str, dict[str, Any]] = {
    **{f"opset {number}": {"opset": number} for number in range(11, 22)},
    "weights as inputs, of IR version 3": {"ir": 3, "opset": 11, "as_inputs": True},
    "IR version 10": {"ir": 10, "opset": 21},
    "a softmax": {"end": "Softmax"},
    "a softmax of opset 11": {"end": "Softmax", "opset": 11},
    "a log softmax": {"end": "LogSoftmax"},
    "any batch": {"shape": ("batch", 3, SIDE, SIDE)},
    "any batch and size": {"shape": ("n", 3, "h", "w")},
    "any batch, as -1": {"shape": (-1, 3, SIDE, SIDE)},
    "any batch and size, as -1": {"shape": (-1, 3, -1, -1)},
    "no sizes at all": {"shape": (None, None, None, None)},
    "names that ours has": {"names": ("image", "softmax")},
    "names that ours has, the other way": {"names": ("softmax", "image"), "end": "Softmax"},
    "channels last": {"shape": (1, SIDE, SIDE, 3), "nhwc": True},
    "half precision": {"kind": T.FLOAT16},
    "half precision with a softmax": {"kind": T.FLOAT16, "end": "Softmax"},
    "an output of four dimensions": {"form": "1,3,1,1"},
    "an output of one dimension": {"form": "3", "end": "Softmax"},
    "logits that are all positive": {"weight": np.abs(WEIGHT)},
}


def expected_softmax(model: Any, pixels: bytes, *, mean: Any, std: Any) -> Any:
    """Return the softmax that the original gives for pixels, computed beside the product."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    image = np.frombuffer(pixels, np.uint8).reshape(1, SIDE, SIDE, 3) / 255.0
    image = (image - np.array(mean)) / np.array(std)
    given = session.get_inputs()[0]
    if given.shape[3] != 3:
        image = image.transpose(0, 3, 1, 2)
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    feed = {given.name: image.astype(kinds.get(given.type, np.float64))}
    answer = session.run(None, feed)[0].astype(np.float64).reshape(-1)
    if abs(answer.sum() - 1) < 1e-2 and answer.min() >= 0:
        return answer
    powers = np.exp(answer - answer.max())
    return powers / powers.sum()


@pytest.mark.parametrize("form", TAKEN)
def test_a_file_is_served_with_the_answers_that_it_gives_itself(
    request_: ImportRequest, labels: Path, tmp_path: Path, form: str
) -> None:
    model = classifier(**TAKEN[form])
    file = tmp_path / "theirs.bin"
    file.write_bytes(model.SerializeToString())
    said: list[str] = []
    assert import_file(file, labels, request_, said.append)
    folder = request_.out / "mine" / "1.0.0"
    assert verify_model(folder) == []
    end = TAKEN[form].get("end")
    assert ("gives a softmax" if end == "Softmax" else "gives logits") in said[0]
    manifest = read_manifest(folder)
    assert manifest.parity is not None
    assert "no photos and 64 random images" in manifest.parity.data
    rough = TAKEN[form].get("kind") == T.FLOAT16
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, SIDE * SIDE * 3, np.uint8).tobytes()
        expected = expected_softmax(model, pixels, **IMAGENET)
        answers = served(folder).classify(pixels)
        by_id = {each.class_id: each.softmax for each in answers}
        assert [by_id[f"{number:04}"] for number in range(CLASSES)] == pytest.approx(
            expected, abs=3e-3 if rough else 1e-5
        )


def test_logits_that_hardly_depend_on_the_image_are_no_probabilities(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    model = classifier(weight=np.zeros_like(WEIGHT))
    model.graph.initializer.append(helper.make_tensor("bias", T.FLOAT, [3], [1.0, 2.0, 3.0]))
    model.graph.node[-1].CopyFrom(helper.make_node("Add", ["values", "bias"], ["output"]))
    (tmp_path / "theirs.onnx").write_bytes(model.SerializeToString())
    assert import_file(tmp_path / "theirs.onnx", labels, request_)
    best = served(request_.out / "mine" / "1.0.0").classify(bytes(SIDE * SIDE * 3))[0]
    assert best.softmax == pytest.approx(1 / (1 + np.exp(-1) + np.exp(-2)), abs=1e-5)


def test_a_file_of_another_size_says_it_itself(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(classifier(shape=(1, 3, 48, 64)).SerializeToString())
    own = dataclasses.replace(request_, preprocessing=Preprocessing())
    assert import_file(file, labels, own)
    spec = read_manifest(own.out / "mine" / "1.0.0").input
    assert (spec.width, spec.height, spec.resize_shorter_side) == (64, 48, 73)
    with pytest.raises(WarmlensError, match="size is 32; the file takes 64 x 48 pixels"):
        import_file(file, labels, request_)


def test_other_preprocessing_is_in_the_graph_and_in_the_manifest(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    model = classifier()
    file = tmp_path / "theirs.onnx"
    file.write_bytes(model.SerializeToString())
    mean, std = parse_normalization("0.5", "0.25 0.5,1")
    own = Preprocessing(size=SIDE, resize=40, interpolation="bicubic", mean=mean, std=std)
    assert import_file(file, labels, dataclasses.replace(request_, preprocessing=own))
    folder = request_.out / "mine" / "1.0.0"
    spec = read_manifest(folder).input
    assert spec.normalization.mean == (127.5, 127.5, 127.5)
    assert spec.normalization.std == (63.75, 127.5, 255)
    assert (spec.resize_shorter_side, spec.interpolation) == (40, "bicubic")
    pixels = bytes(range(256)) * 12
    expected = expected_softmax(model, pixels, mean=(0.5,) * 3, std=(0.25, 0.5, 1))
    best = served(folder).classify(pixels)[0]
    assert best.softmax == pytest.approx(expected.max(), abs=1e-5)


def test_the_version_is_compared_on_the_users_photos(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(classifier().SerializeToString())
    photos = tmp_path / "photos"
    (photos / "deeper").mkdir(parents=True)
    for number in range(3):
        photo = draw_photo("disc", np.random.default_rng(number))
        photo.save(photos / ("deeper" if number else "") / f"{number}.jpg")
    one = photos / "0.jpg"
    assert import_file(file, labels, dataclasses.replace(request_, photos=(photos, one)))
    parity = read_manifest(request_.out / "mine" / "1.0.0").parity
    assert parity is not None
    assert parity.data.startswith("4 photos of the user and 64 random images")
    assert parity.images == 68
    (photos / "1.jpg").write_bytes(b"no photo")
    with pytest.raises(WarmlensError, match=r"1\.jpg cannot be decoded"):
        import_file(file, labels, dataclasses.replace(request_, photos=(photos,)))
    with pytest.raises(WarmlensError, match="has no photos"):
        import_file(file, labels, dataclasses.replace(request_, photos=(tmp_path / "none",)))


def test_weights_in_a_second_file_are_taken(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    data = with_external_data(tmp_path / "theirs.onnx")
    assert import_file(tmp_path / "theirs.onnx", labels, request_)
    folder = request_.out / "mine" / "1.0.0"
    data.unlink()
    assert read_manifest(folder).files.weights is None
    pixels = bytes(SIDE * SIDE * 3)
    expected = expected_softmax(classifier(), pixels, **IMAGENET)
    assert served(folder).classify(pixels)[0].softmax == pytest.approx(expected.max(), abs=1e-5)


def test_one_of_several_outputs_is_taken_by_name(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(more_outputs().SerializeToString())
    with pytest.raises(WarmlensError, match="allowed: output, flat") as refused:
        import_file(file, labels, dataclasses.replace(request_, key="logits"))
    assert refused.value.code == "no_such_key"
    assert import_file(file, labels, dataclasses.replace(request_, key="output"))
