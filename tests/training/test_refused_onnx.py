"""ONNX files that are refused, each with a sentence on the graph."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.onnx_file import (
    WEIGHT,
    T,
    classifier,
    helper,
    more_outputs,
    with_external_data,
)
from training.import_weights import ImportRequest, import_file
from training.preprocessing import Preprocessing
from warmlens.errors import WarmlensError


def more_inputs(count: int = 2) -> Any:
    model = classifier()
    while len(model.graph.input) > count:
        model.graph.input.pop()
    while len(model.graph.input) < count:
        model.graph.input.append(helper.make_tensor_value_info("mask", T.FLOAT, [1, 3]))
    return model


def whole_numbers() -> Any:
    model = classifier()
    model.graph.node[-1].CopyFrom(
        helper.make_node("ArgMax", ["values"], ["output"], axis=1, keepdims=1)
    )
    model.graph.output[0].type.tensor_type.elem_type = T.INT64
    return model


def percent() -> Any:
    model = classifier(end="Softmax")
    model.graph.initializer.append(helper.make_tensor("hundred", T.FLOAT, [1], [100.0]))
    model.graph.node[-1].CopyFrom(helper.make_node("Mul", ["ended", "hundred"], ["output"]))
    return model


def scaled_sigmoid() -> Any:
    model = classifier(end="Sigmoid")
    model.graph.initializer.append(helper.make_tensor("scale", T.FLOAT, [1], [0.5]))
    model.graph.node[-1].CopyFrom(helper.make_node("Mul", ["ended", "scale"], ["output"]))
    return model


def zip_map() -> Any:
    model = classifier(end="Softmax")
    model.graph.node[-1].CopyFrom(
        helper.make_node(
            "ZipMap", ["ended"], ["output"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]
        )
    )
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    row = helper.make_map_type_proto(T.INT64, helper.make_tensor_type_proto(T.FLOAT, None))
    rows = helper.make_value_info("output", helper.make_sequence_type_proto(row))
    model.graph.output[0].CopyFrom(rows)
    return model


def of_uint8() -> Any:
    model = classifier()
    model.graph.input[0].type.tensor_type.elem_type = T.UINT8
    return model


def unknown_operator() -> Any:
    model = classifier()
    model.graph.node[-1].op_type = "Magic"
    return model


WITH_NAN = np.where(np.arange(8)[:, None] == 3, np.nan, WEIGHT)
REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "two inputs": (more_inputs, "bad_onnx", r"has 2 inputs \(input, mask\); allowed: one image"),
    "no input": (lambda: more_inputs(0), "bad_onnx", r"has 0 inputs \(none\)"),
    "two outputs": (more_outputs, "bad_onnx", r"2 outputs \(output, flat\); name the one .* --key"),
    "grey": (lambda: classifier(shape=(1, 1, 32, 32)), "bad_onnx", "1 channels; allowed: 3"),
    "four channels": (lambda: classifier(shape=(1, 4, 32, 32)), "bad_onnx", "4 channels"),
    "a vector": (lambda: classifier(shape=(1, 3072)), "bad_onnx", "2 dimensions; allowed: 4"),
    "a video": (lambda: classifier(shape=(1, 3, 8, 32, 32)), "bad_onnx", "5 dimensions"),
    "a batch": (lambda: classifier(shape=(8, 3, 32, 32)), "bad_onnx", "8 images at once; allowed"),
    "bytes": (of_uint8, "bad_onnx", "takes input, uint8 .*; allowed: normalised floats"),
    "too large": (lambda: classifier(shape=(1, 3, 2048, 2048)), "bad_setting", "size is 2048"),
    "class numbers": (whole_numbers, "bad_onnx", "gives numbers of int64, not logits"),
    "sigmoid": (lambda: classifier(end="Sigmoid"), "not_logits", "probabilities of a sigmoid"),
    "scaled sigmoid": (scaled_sigmoid, "not_logits", "probabilities of a sigmoid"),
    "a map of classes": (zip_map, "bad_onnx", "gives no tensor, not logits"),
    "percent": (percent, "not_logits", "probabilities that sum to 100"),
    "NaN": (lambda: classifier(weight=WITH_NAN), "not_finite", "3 of 24 values of .* are NaN"),
    "infinity": (lambda: classifier(weight=WEIGHT / 0), "not_finite", "gives NaN or infinity"),
    "one class": (
        lambda: classifier(weight=WEIGHT[:, :1]),
        "one_class",
        r"has one output \(the output output is \[1, 1\]\)",
    ),
    "two classes": (
        lambda: classifier(weight=WEIGHT[:, :2]),
        "wrong_label_count",
        r"has 3 labels; theirs\.onnx has 2 classes",
    ),
    "a later opset": (lambda: classifier(opset=99), "bad_onnx", "cannot be loaded by ONNX Runtime"),
    "a later IR": (lambda: classifier(ir=60), "bad_onnx", "cannot be loaded by ONNX Runtime"),
    "an operator": (unknown_operator, "bad_onnx", "cannot be loaded by ONNX Runtime: .*Magic"),
    "double precision": (lambda: classifier(kind=T.DOUBLE), "bad_onnx", "export it in float32"),
    "segments": (
        lambda: classifier(weight=np.ones((8, 12), np.float32), form="1,3,2,2"),
        "bad_onnx",
        r"gives \[1, 3, 2, 2\] for an image, not one value for each class",
    ),
    "another size inside": (lambda: classifier(form="1,7"), "bad_onnx", "fails on one image"),
}


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("form", REFUSED)
def test_other_graphs_are_refused_in_a_sentence(
    request_: ImportRequest, labels: Path, tmp_path: Path, form: str
) -> None:
    make, code, words = REFUSED[form]
    file = tmp_path / "theirs.onnx"
    file.write_bytes(make().SerializeToString())
    own = dataclasses.replace(request_, preprocessing=Preprocessing())
    with pytest.raises(WarmlensError, match=words) as refused:
        import_file(file, labels, own)
    assert refused.value.code == code
    assert "\n" not in refused.value.message
    assert not request_.out.exists()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (Path.unlink, "onnx_data_missing", r"has its weights in another file, w\.data, which is n"),
        (lambda data: data.write_bytes(b"12"), "bad_onnx", r"w\.data"),
    ],
)
def test_a_second_file_that_is_missing_or_short_is_named(
    request_: ImportRequest,
    labels: Path,
    tmp_path: Path,
    change: Callable[[Path], Any],
    code: str,
    words: str,
) -> None:
    change(with_external_data(tmp_path / "theirs.onnx"))
    with pytest.raises(WarmlensError, match=words) as refused:
        import_file(tmp_path / "theirs.onnx", labels, request_)
    assert refused.value.code == code


def test_a_second_file_outside_of_the_folder_is_not_read(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    model = classifier()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = T.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    (tmp_path / "theirs.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WarmlensError, match="outside of its folder"):
        import_file(tmp_path / "theirs.onnx", labels, request_)


@pytest.mark.parametrize("content", [b"\x08\x08\x12", b"\x08\x08\x12\x05tests", b"no model"])
def test_a_file_that_is_no_onnx_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "theirs.onnx").write_bytes(content)
    with pytest.raises(WarmlensError, match="is damaged, incomplete, or not ONNX"):
        import_file(tmp_path / "theirs.onnx", labels, request_)
