"""Class-activation maps: the graph gives the features, and the manifest says where weights are."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from PIL import Image

from tests.training.explain_cost import copied
from tests.training.onnx_file import classifier
from tests.training.served import served
from training.class_map import with_class_map
from training.model_packages import import_model_package
from training.networks import build_network
from training.onnx_export import GRAPH_FILE, WEIGHTS_FILE, GraphSpec, export_classifier, optimize
from training.quantize import quantize_classifier
from warmlens.paths import MODEL_ARTIFACTS, WEB
from warmlens.registry.manifest import Explain, InputSpec
from warmlens.registry.verify import require_verified

onnx: Any = import_model_package("onnx")
torch: Any = import_model_package("torch")
nn: Any = torch.nn
Files = dict[str, bytes]
Array = npt.NDArray[Any]
SIDE, CLASSES = 64, 5
SPEC = GraphSpec(SIDE, SIDE, CLASSES, (128.0,) * 3, (64.0,) * 3)
NOISE = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)


def optimized(model: bytes) -> Files:
    made = optimize(model)
    return {GRAPH_FILE: made.graph, WEIGHTS_FILE: made.weights}


def int8(model: bytes) -> bytes:
    return quantize_classifier(model, SPEC.input_name, iter(NOISE))


def weights_of(files: Files, explain: Explain, classes: int) -> Array:
    """Return the last layer's weights, read as the manifest says."""
    layer = explain.last_layer
    raw = files[GRAPH_FILE if layer.file == "model" else WEIGHTS_FILE]
    count = classes * explain.features.channels
    values = np.frombuffer(raw, np.dtype(layer.type), count, layer.offset)
    return values.reshape(classes, -1).astype(np.float64)


def run(folder: Path, files: Files, outputs: list[str], image: Array) -> list[Array]:
    """Run a graph as instances do: one that was optimized at export is not optimized again."""
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if WEIGHTS_FILE in files:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        folder / GRAPH_FILE, options, providers=["CPUExecutionProvider"]
    )
    given = {session.get_inputs()[0].name: image[np.newaxis]}
    return [value[0].astype(np.float64) for value in session.run(outputs, given)]


def node_count(folder: Path, files: Files) -> int:
    """Return the number of nodes that an instance runs."""
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(folder / "loaded.onnx")
    if WEIGHTS_FILE in files:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    onnxruntime.InferenceSession(folder / GRAPH_FILE, options, providers=["CPUExecutionProvider"])
    return len(onnx.load(folder / "loaded.onnx", load_external_data=False).graph.node)


@pytest.fixture(scope="module")
def original() -> Any:
    """The small CNN, with features as after training: few of them are 0 everywhere."""
    torch.manual_seed(0)
    made = build_network("small-cnn", CLASSES).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, 0.0, 0.5)
    return made


@pytest.fixture(scope="module")
def model(original: Any) -> bytes:
    return export_classifier(original, SPEC)


FORMS: dict[str, Callable[[bytes], Files]] = {
    "fp32": lambda model: {GRAPH_FILE: model},
    "fp32, optimized": optimized,
    "int8": lambda model: {GRAPH_FILE: int8(model)},
    "int8, optimized": lambda model: optimized(int8(model)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_maps_are_those_of_pytorch(
    original: Any, model: bytes, form: str, tmp_path: Path
) -> None:
    before = FORMS[form](model)
    files, explain = with_class_map(before)
    assert explain is not None
    assert node_count(tmp_path, files) == node_count(tmp_path, before)  # nothing more is computed
    pooled: list[Any] = []
    hook = original.pool.register_forward_pre_hook(lambda _, given: pooled.append(given[0][0]))
    for image in NOISE:
        with torch.inference_mode():
            original((torch.tensor(image).permute(2, 0, 1)[None].float() - 128) / 64)
            theirs = torch.tensordot(original.fc.weight, pooled.pop(), 1).numpy()
        (features,) = run(tmp_path, files, [explain.features.name], image)
        about = explain.features
        assert features.shape == (about.channels, about.rows, about.columns)
        maps = np.tensordot(weights_of(files, explain, CLASSES), features, 1)
        for ours, wanted in zip(maps, theirs, strict=True):
            # In int8, features and weights are scaled by a positive number.
            scale = np.abs(wanted).max() / np.abs(ours).max() if "int8" in form else 1
            assert ours * scale == pytest.approx(wanted, abs=0.1 if "int8" in form else 1e-4)
    hook.remove()


def changed(model: bytes, change: Callable[[Any], None]) -> Files:
    proto = onnx.load_model_from_string(model)
    change(proto.graph)
    return {GRAPH_FILE: proto.SerializeToString()}


def node_of(graph: Any, kind: str) -> Any:
    (node,) = [node for node in graph.node if node.op_type == kind]
    return node


def insert(kind: str, before: str, *values: float) -> Callable[[Any], None]:
    """Insert a node before the first input of the node `before`."""

    def change(graph: Any) -> None:
        after = node_of(graph, before)
        others = []
        if values:
            others = [f"{kind}_values"]
            tensor = onnx.numpy_helper.from_array(np.array(values, np.float32), others[0])
            graph.initializer.append(tensor)
        made = onnx.helper.make_node(kind, [after.input[0], *others], [f"{kind}_output"])
        after.input[0] = made.output[0]
        graph.node.insert(list(graph.node).index(after), made)

    return change


def second_layer(graph: Any) -> None:
    weights = np.eye(CLASSES, dtype=np.float32)
    graph.initializer.append(onnx.numpy_helper.from_array(weights, "second"))
    softmax = node_of(graph, "Softmax")
    made = onnx.helper.make_node("Gemm", [softmax.input[0], "second"], ["more"], transB=1)
    softmax.input[0] = "more"
    graph.node.insert(len(graph.node) - 1, made)


def maximum(graph: Any) -> None:
    node_of(graph, "ReduceMean").op_type = "ReduceMax"


def mean_of_rows(graph: Any) -> None:
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), "rows"))
    node_of(graph, "ReduceMean").input[1] = "rows"


def no_softmax(graph: Any) -> None:
    node_of(graph, "Softmax").op_type = "LogSoftmax"


ENDINGS: dict[str, Callable[[Any], None]] = {
    "two layers": second_layer,
    "a function before the layer": insert("Relu", "Gemm"),
    "a number for each channel": insert("Mul", "Gemm", *range(1, 193)),
    "a function after the layer": insert("Relu", "Softmax"),
    "a number for each class": insert("Mul", "Softmax", *range(1, CLASSES + 1)),
    "another sign": insert("Mul", "Softmax", -0.7),
    "the maximum": maximum,
    "the mean of each row": mean_of_rows,
    "no softmax": no_softmax,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_graph_that_ends_otherwise_has_no_map(model: bytes, ending: str) -> None:
    files = changed(model, ENDINGS[ending])
    assert with_class_map(files) == (files, None)


def test_a_graph_of_another_program_has_no_map() -> None:
    files = {GRAPH_FILE: classifier().SerializeToString()}
    assert with_class_map(files) == (files, None)


def test_a_temperature_changes_no_map(model: bytes, tmp_path: Path) -> None:
    before, explain = with_class_map({GRAPH_FILE: model})
    after, other = with_class_map(changed(model, insert("Mul", "Softmax", 0.7)))
    assert explain is not None
    assert other is not None
    assert (weights_of(after, other, 5) == weights_of(before, explain, 5)).all()
    (ours,) = run(tmp_path, before, [explain.features.name], NOISE[0])
    (theirs,) = run(tmp_path, after, [other.features.name], NOISE[0])
    assert (ours == theirs).all()


def photo(name: str, spec: InputSpec) -> Array:
    """Return the centre of one of the page's photos at a model's size."""
    with Image.open(WEB / "samples" / name) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.convert("RGB").crop((left, top, left + side, top + side))
    return np.asarray(square.resize((spec.width, spec.height)))


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("products-resnet50", "mango-can.jpg"),
        ("imagenet-efficientnet-lite0", "cat.jpg"),
        ("groceries-lite2", "coffee.jpg"),
    ],
)
def test_the_mean_of_a_shipped_models_map_and_its_bias_are_its_logit(
    name: str, sample: str, tmp_path: Path
) -> None:
    (folder,) = (MODEL_ARTIFACTS / name).glob("*.*.*")
    manifest = require_verified(folder)
    files = {
        entry.path: (folder / entry.path).read_bytes()
        for entry in (manifest.files.model, manifest.files.weights)
        if entry
    }
    after, explain = with_class_map(files)
    assert explain is not None
    assert after.get(WEIGHTS_FILE) == files.get(WEIGHTS_FILE)
    if manifest.explain is not None:
        assert (explain, after) == (manifest.explain, files)
    graph = onnx.load_model_from_string(after[GRAPH_FILE]).graph
    (layer,) = [node for node in graph.node if node.op_type in ("Gemm", "QGemm")]
    values = {
        tensor.name: onnx.numpy_helper.to_array(tensor).astype(np.float64)
        for tensor in graph.initializer
        if not tensor.external_data
    }
    weights = weights_of(after, explain, manifest.class_count)
    image = photo(sample, manifest.input)
    features, softmax = run(tmp_path, after, [explain.features.name, manifest.output.name], image)
    if layer.op_type == "QGemm":
        (dequantizer,) = [node for node in graph.node if node.input[0] == explain.features.name]
        features *= values[dequantizer.input[1]]
        _, step, _, _, scales, _, bias, logit_step, _ = (values.get(n, 0) for n in layer.input)
        weights, bias = weights * scales[:, np.newaxis], bias * step * scales
        # The layer gets each mean in steps, and gives each logit in steps.
        tolerance = np.abs(weights).sum(1) * step / 2 + logit_step / 2
    else:
        bias, tolerance = values[layer.input[2]], np.full(manifest.class_count, 1e-4)
    logits = np.tensordot(weights, features, 1).mean((1, 2)) + bias
    temperature = manifest.recognition.temperature if manifest.recognition else 1.0
    theirs = temperature * np.log(softmax)  # the logits, up to a constant
    best = int(softmax.argmax())
    errors = np.abs((logits - logits[best]) - (theirs - theirs[best]))
    assert (errors <= tolerance + tolerance[best] + 1e-4).all()
    assert np.corrcoef(logits, theirs)[0, 1] > 0.99


CORNERS = [(0, 0), (1, 0), (0, 1), (1, 1)]


@pytest.mark.parametrize(
    ("name", "sample"),
    [("products-resnet50", "mango-can.jpg"), ("imagenet-efficientnet-lite0", "cat.jpg")],
)
def test_a_thing_in_a_corner_lights_that_corner(name: str, sample: str, tmp_path: Path) -> None:
    (source,) = (MODEL_ARTIFACTS / name).glob("*.*.*")
    model = served(copied(source, tmp_path, with_features=True))
    with Image.open(WEB / "samples" / sample) as image:
        thing = image.convert("RGB")
    thing.thumbnail((300, 300))
    for column, row in CORNERS:
        drawn = Image.new("RGB", (560, 560), (150, 150, 150))
        drawn.paste(thing, (column * (560 - thing.width), row * (560 - thing.height)))
        buffer = io.BytesIO()
        drawn.save(buffer, "PNG")
        pixels = model.prepare(buffer.getvalue(), max_pixels=10**6, max_decode_ms=20_000)
        predictions, features = model.classify_with_features(pixels)
        assert predictions == model.classify(pixels)
        found = model.explain(predictions[0].class_id, features, buffer.getvalue())
        assert found["id"] == predictions[0].class_id
        values = np.array(found["values"]).reshape(found["rows"], found["columns"])
        assert (values.min() >= 0, values.max()) == (True, 1)
        half = -(-len(values) // 2)
        parts = [slice(None, half), slice(-half, None)]
        brightest = max(CORNERS, key=lambda at: float(values[parts[at[1]], parts[at[0]]].sum()))
        assert brightest == (column, row)
