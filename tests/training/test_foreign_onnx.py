"""ONNX files made by others: served with the same answers, or refused in a sentence."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.invoke import invoke
from tests.training.photo_folder import draw_photo
from tests.training.served import served
from training.commands import app
from training.import_weights import ImportRequest, import_file
from training.model_packages import import_model_package
from training.preprocessing import Preprocessing, parse_normalization
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import read_manifest
from warmlens.registry.verify import verify_model

onnx: Any = import_model_package("onnx")
onnxruntime: Any = import_model_package("onnxruntime")
helper, T = onnx.helper, onnx.TensorProto
SIDE = 32
CLASSES = 3
GENERATOR = np.random.default_rng(0)
KERNEL = GENERATOR.standard_normal((8, 3, 3, 3)).astype(np.float32)
WEIGHT = GENERATOR.standard_normal((8, CLASSES)).astype(np.float32)
DATA = {T.FLOAT: np.float32, T.FLOAT16: np.float16, T.DOUBLE: np.float64}


def classifier(
    *,
    opset: int = 17,
    ir: int = 8,
    shape: tuple[Any, ...] = (1, 3, SIDE, SIDE),
    kind: int = T.FLOAT,
    end: str | None = None,
    form: str | None = None,
    nhwc: bool = False,
    names: tuple[str, str] = ("input", "output"),
    weight: Any = WEIGHT,
    as_inputs: bool = False,
) -> Any:
    """Return a small convolutional network as an ONNX model."""
    start, last = names
    node = helper.make_node
    nodes, values = [], {"kernel": KERNEL, "weight": weight}
    current = start
    if nhwc:
        nodes.append(node("Transpose", [current], ["turned"], perm=[0, 3, 1, 2]))
        current = "turned"
    nodes += [
        node("Conv", [current, "kernel"], ["conv"], kernel_shape=[3, 3]),
        node("Relu", ["conv"], ["relu"]),
        node("GlobalAveragePool", ["relu"], ["pooled"]),
        node("Flatten", ["pooled"], ["flat"], axis=1),
        node("MatMul", ["flat", "weight"], ["values"]),
    ]
    current = "values"
    if end:
        attributes = {"axis": 1} if "oftmax" in end else {}
        nodes.append(node(end, [current], ["ended"], **attributes))
        current = "ended"
    if form:
        nodes.append(node("Reshape", [current, "form"], ["formed"]))
        current = "formed"
    nodes.append(node("Identity", [current], [last]))
    given = [
        helper.make_tensor(name, kind, array.shape, array.astype(DATA[kind]).tobytes(), raw=True)
        for name, array in values.items()
    ]
    if form:
        dims = [int(part) for part in form.split(",")]
        given.append(helper.make_tensor("form", T.INT64, [len(dims)], dims))
    inputs = [helper.make_tensor_value_info(start, kind, shape)]
    if as_inputs:
        inputs += [helper.make_tensor_value_info(g.name, g.data_type, g.dims) for g in given]
    outputs = [helper.make_tensor_value_info(last, kind, None)]
    graph = helper.make_graph(nodes, "other", inputs, outputs, given)
    return helper.make_model(
        graph, ir_version=ir, opset_imports=[helper.make_opsetid("", opset)], producer_name="tests"
    )


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("apple\npear\nplum\n")
    return path


@pytest.fixture
def request_(tmp_path: Path) -> ImportRequest:
    return ImportRequest(
        name="mine",
        version="1.0.0",
        out=tmp_path / "artifacts",
        command="warmlens model import",
        licence="MIT",
        preprocessing=Preprocessing(size=SIDE, resize=SIDE),
    )


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


def with_external_data(file: Path) -> Path:
    onnx.save_model(
        classifier(), file, save_as_external_data=True, location="w.data", size_threshold=0
    )
    return file.with_name("w.data")


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


def more_inputs(count: int = 2) -> Any:
    model = classifier()
    while len(model.graph.input) > count:
        model.graph.input.pop()
    while len(model.graph.input) < count:
        model.graph.input.append(helper.make_tensor_value_info("mask", T.FLOAT, [1, 3]))
    return model


def more_outputs() -> Any:
    model = classifier()
    model.graph.output.append(helper.make_tensor_value_info("flat", T.FLOAT, None))
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


@pytest.mark.parametrize("option", ["--size", "--mean", "--photos", "--key", "--labels"])
def test_options_of_a_file_without_a_file_are_refused(option: str) -> None:
    done = invoke(app, "import", "efficientnet-lite0", option, "1")
    assert done.exit_code == 1
    assert f"{option} goes with --file FILE" in done.stderr


def test_one_of_several_outputs_is_taken_by_name(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(more_outputs().SerializeToString())
    with pytest.raises(WarmlensError, match="allowed: output, flat") as refused:
        import_file(file, labels, dataclasses.replace(request_, key="logits"))
    assert refused.value.code == "no_such_key"
    assert import_file(file, labels, dataclasses.replace(request_, key="output"))


@pytest.mark.parametrize("content", [b"\x08\x08\x12", b"\x08\x08\x12\x05tests", b"no model"])
def test_a_file_that_is_no_onnx_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "theirs.onnx").write_bytes(content)
    with pytest.raises(WarmlensError, match="is damaged, incomplete, or not ONNX"):
        import_file(tmp_path / "theirs.onnx", labels, request_)


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
