"""ONNX files made by other programs, rebuilt to take pixels and give a softmax.

Such a file takes normalised floats, NCHW (or NHWC), and gives logits or a softmax. Preparation of
the pixels and the softmax go into the graph, which is otherwise left as it is.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.heads import one_class
from training.model_packages import import_model_package
from training.onnx_export import IR_VERSION, GraphSpec
from warmlens.console import printable
from warmlens.errors import WarmlensError

Layout = Literal["nchw", "nhwc"]
Array = npt.NDArray[Any]
_PROBES = 8
_SUM_TOLERANCE = 5e-3  # of a softmax in fp16 over a thousand classes
# Operators that change only the form of their input.
_FORM = frozenset({"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"})
_FORM |= {"QuantizeLinear", "DequantizeLinear"}
# Operators that leave probabilities of a sigmoid what they are.
_SCALING = frozenset({"Mul", "Div", "Clip", "Concat"})
_LINEAR = frozenset({"Gemm", "MatMul", "Add", "Conv", "LogSoftmax"})
_AGAIN = "export it again for images alone, such as float32 [1, 3, 224, 224]"


@dataclasses.dataclass(frozen=True)
class ForeignGraph:
    """An ONNX classifier of another program.

    Attributes:
        proto: the model, with all weights in it.
        path: its file.
        input_name: name of its input.
        output_name: name of the output with the classes.
        layout: order of the input's dimensions.
        input_type: element type of the input, a number of onnx.TensorProto.
        width: width of the input in pixels; None where any is taken.
        height: height of the input in pixels; None where any is taken.
    """

    proto: Any
    path: Path
    input_name: str
    output_name: str
    layout: Layout
    input_type: int
    width: int | None
    height: int | None

    @property
    def is_quantized(self) -> bool:
        """True for weights in int8, with nodes that quantize."""
        return any("QuantizeLinear" in node.op_type for node in self.proto.graph.node)


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """Findings of running a graph: its classes, and whether it computes a softmax itself."""

    class_count: int
    shape: tuple[int, ...]
    is_softmax: bool


def read_onnx(path: Path, output: str | None = None) -> ForeignGraph:
    """Read an ONNX file, with its external data files.

    Args:
        path: the file.
        output: name of the output with the classes, where there are several.

    Raises:
        WarmlensError: `bad_onnx`, `onnx_data_missing`, `not_finite`, or `no_such_key`.
    """
    onnx = import_model_package("onnx")
    raw = path.read_bytes()
    try:
        proto = onnx.load_model_from_string(raw)
    except Exception as error:  # protobuf's own types share no public base
        reason = str(error).split("\n", 1)[0].rstrip(".")
        raise _bad(path, f"is damaged, incomplete, or not ONNX: {reason}") from None
    if not proto.graph.node:
        raise _bad(path, "is damaged, incomplete, or not ONNX: it has no operators")
    _load_external(onnx, proto, path)
    _require_finite(onnx, proto, path)
    given = {tensor.name for tensor in proto.graph.initializer}
    inputs = [each for each in proto.graph.input if each.name not in given]
    if len(inputs) != 1:
        names = ", ".join(printable(each.name) for each in inputs) or "none"
        raise _bad(path, f"has {len(inputs)} inputs ({names}); allowed: one image; {_AGAIN}")
    for dim in inputs[0].type.tensor_type.shape.dim:
        if dim.HasField("dim_value") and dim.dim_value < 1:  # any size, for some programs
            dim.Clear()
    layout, width, height = _geometry(onnx, inputs[0], path)
    return ForeignGraph(
        proto=proto,
        path=path,
        input_name=inputs[0].name,
        output_name=_output(proto, output, path),
        layout=layout,
        input_type=inputs[0].type.tensor_type.elem_type,
        width=width,
        height=height,
    )


class ForeignSession:
    """A graph of another program in ONNX Runtime.

    Raises:
        WarmlensError: `bad_onnx` when the runtime cannot load it.
    """

    def __init__(self, graph: ForeignGraph) -> None:
        onnx = import_model_package("onnx")
        runtime = import_model_package("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        self._graph = graph
        self._type = onnx.helper.tensor_dtype_to_np_dtype(graph.input_type)
        try:
            self._session = runtime.InferenceSession(
                serialized(graph.proto, graph.path), options, providers=["CPUExecutionProvider"]
            )
        except WarmlensError:
            raise
        except Exception as error:  # ONNX Runtime's own types share no public base
            why = f"cannot be loaded by ONNX Runtime: {_line(error)}"
            if "NOT_IMPLEMENTED" in why:
                why += "; export it in float32, with operators of ONNX alone"
            raise _bad(graph.path, why) from None

    def run(self, images: Array) -> Array:
        """Return the output for one normalised image, float [1, 3, height, width].

        Raises:
            WarmlensError: `bad_onnx` when the graph fails on it.
        """
        if self._graph.layout == "nhwc":
            images = images.transpose(0, 2, 3, 1)
        feed = {self._graph.input_name: np.ascontiguousarray(images, self._type)}
        try:
            (answer,) = self._session.run([self._graph.output_name], feed)
        except Exception as error:  # ONNX Runtime's own types share no public base
            raise _bad(self._graph.path, f"fails on one image: {_line(error)}") from None
        if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
            found = f"numbers of {answer.dtype}" if isinstance(answer, np.ndarray) else "no tensor"
            raise _bad(
                self._graph.path, f"gives {found}, not logits; export it without its last layer"
            )
        return answer


def behaviour_of(graph: ForeignGraph, session: ForeignSession, spec: tuple[int, int]) -> Behaviour:
    """Run a graph on random images and return what its output is.

    Args:
        graph: the graph.
        session: the same in ONNX Runtime.
        spec: height and width of an image in pixels.

    Raises:
        WarmlensError: `bad_onnx` when the output has no classes, `one_class`, or `not_logits`
            when it has probabilities that are no softmax.
    """
    generator = np.random.default_rng(0)
    colours = generator.standard_normal((_PROBES, 3, 1, 1))  # noise alone is grey on average
    noise = (generator.standard_normal((1, 3, *spec)) for _ in colours)
    scales = np.linspace(0.3, 3, _PROBES)
    images = [(x + c) * s for x, c, s in zip(noise, colours, scales, strict=True)]
    answers = [session.run(image) for image in images]
    shape = answers[0].shape
    sizes = [size for size in shape if size != 1]
    if len(sizes) > 1:
        raise _bad(
            graph.path,
            f"gives {list(shape)} for an image, not one value for each class; allowed: a "
            "classifier",
        )
    if not sizes:
        raise one_class(graph.path, f"the output {printable(graph.output_name)} is {list(shape)}")
    outputs = np.stack([answer.reshape(-1) for answer in answers]).astype(np.float64)
    if not np.isfinite(outputs).all():
        raise WarmlensError(
            "not_finite",
            f"{graph.path} gives NaN or infinity for images, as after a training that diverged "
            "or in fp16; export an earlier checkpoint, or in fp32.",
        )
    last = _last_operator(graph)
    sums = outputs.sum(1)
    same = (
        last not in _LINEAR
        and outputs.min() >= 0
        and sums.max() > 0
        and bool(np.ptp(sums) < _SUM_TOLERANCE * sums.max())
    )
    if not same and _last_operator(graph, _FORM | _SCALING) in ("Sigmoid", "HardSigmoid"):
        raise _not_logits(graph.path, "of a sigmoid, for classes that may be there together")
    if same and abs(sums.mean() - 1) > _SUM_TOLERANCE:
        raise _not_logits(graph.path, f"that sum to {sums.mean():.4g}")
    return Behaviour(sizes[0], tuple(shape), same)


def with_pixels_and_softmax(
    graph: ForeignGraph, behaviour: Behaviour, spec: GraphSpec
) -> tuple[bytes, str, str]:
    """Return a graph from pixels to softmax as an ONNX file, and the names of input and output.

    Raises:
        WarmlensError: `bad_onnx` when the file would be too large.
    """
    onnx = import_model_package("onnx")
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    helper, types = onnx.helper, onnx.TensorProto
    used = set(_names(proto.graph))

    def new(name: str) -> str:
        while name in used:
            name += "_"
        used.add(name)
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        made = helper.make_node(kind, inputs, [output], new(f"warmlens_{kind}"), **attributes)
        nodes.append(made)
        return made

    nodes: list[Any] = []
    image, softmax = new(spec.input_name), new(spec.output_name)
    current, shape = image, [1, 1, 1, 3]
    if graph.layout == "nchw":
        shape = [1, 3, 1, 1]
        current = new("image_nchw")
        node("Transpose", [image], current, perm=[0, 3, 1, 2])
    for name, values in (("image_mean", spec.mean), ("image_std", spec.std)):
        names = new(name)
        proto.graph.initializer.append(helper.make_tensor(names, types.FLOAT, shape, values))
        before = current
        if name == "image_mean":
            before = new("image_float")
            node("Cast", [current], before, to=types.FLOAT)
        last = name == "image_std" and graph.input_type == types.FLOAT
        current = graph.input_name if last else new(f"{name}_applied")
        node("Sub" if name == "image_mean" else "Div", [before, names], current)
    if graph.input_type != types.FLOAT:
        node("Cast", [current], graph.input_name, to=graph.input_type)
    first = list(nodes)
    nodes.clear()
    current = new("class_values")
    node("Cast", [graph.output_name], current, to=types.FLOAT)
    if behaviour.shape != (1, behaviour.class_count):
        flat, form = new("class_row"), new("class_row_shape")
        dims = [1, behaviour.class_count]
        proto.graph.initializer.append(helper.make_tensor(form, types.INT64, [2], dims))
        node("Reshape", [current, form], flat)
        current = flat
    if behaviour.is_softmax:
        # In fp16 its sum is not quite 1, which the softmax of its logarithm mends.
        logarithm = new("class_logarithms")
        node("Log", [current], logarithm)
        current = logarithm
    node("Softmax", [current], softmax, axis=-1)
    everything = [*first, *proto.graph.node, *nodes]
    del proto.graph.node[:], proto.graph.input[:], proto.graph.output[:]
    del proto.graph.value_info[:]
    proto.graph.node.extend(everything)
    proto.graph.input.append(
        helper.make_tensor_value_info(image, types.UINT8, [1, spec.height, spec.width, 3])
    )
    proto.graph.output.append(
        helper.make_tensor_value_info(softmax, types.FLOAT, [1, spec.class_count])
    )
    # From version 4 on, weights need not be inputs.
    proto.ir_version = max(IR_VERSION, proto.ir_version)
    return serialized(proto, graph.path), image, softmax


def serialized(proto: Any, path: Path) -> bytes:
    """Return a model as the bytes of a file.

    Raises:
        WarmlensError: `bad_onnx` when it has more than 2 GiB, the limit of the format.
    """
    try:
        raw: bytes = proto.SerializeToString(deterministic=True)
    except Exception as error:  # protobuf's own types share no public base
        raise _bad(path, f"has more than 2 GiB, the limit of one file: {_line(error)}") from None
    return raw


def _load_external(onnx: Any, proto: Any, path: Path) -> None:
    external = onnx.external_data_helper
    for tensor in _tensors(proto.graph):
        if not external.uses_external_data(tensor):
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        file = path.parent / location
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise _bad(path, f"names a file of weights outside of its folder, {location!r}")
        if not file.is_file():
            raise WarmlensError(
                "onnx_data_missing",
                f"{path} has its weights in another file, {printable(location)}, which is not in "
                f"{path.parent}; put it there.",
            )
        try:
            external.load_external_data_for_tensor(tensor, str(path.parent))
        except Exception as error:  # ValueError and onnx's own types
            raise _bad(path, f"cannot read its weights in {printable(location)}: {error}") from None
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.DEFAULT
        if tensor.HasField("raw_data"):
            _require_size(onnx, tensor, location, path)


def _require_size(onnx: Any, tensor: Any, location: str, path: Path) -> None:
    try:
        onnx.numpy_helper.to_array(tensor)
    except ValueError:
        raise _bad(
            path,
            f"has weights in {printable(location)}, which is damaged or incomplete",
        ) from None


def _require_finite(onnx: Any, proto: Any, path: Path) -> None:
    for tensor in _tensors(proto.graph):
        if tensor.data_type not in (1, 10, 11):  # float, float16, double
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if wrong := int(np.isnan(values).sum()):
            raise WarmlensError(
                "not_finite",
                f"{path}: {wrong:,} of {values.size:,} values of the tensor "
                f"{printable(tensor.name)} are NaN, as after a training that diverged; export an "
                "earlier checkpoint.",
            )


def _geometry(onnx: Any, given: Any, path: Path) -> tuple[Layout, int | None, int | None]:
    types = onnx.TensorProto
    name = printable(given.name)
    if not given.type.HasField("tensor_type"):
        raise _bad(path, f"has the input {name}, which is no tensor; {_AGAIN}")
    tensor = given.type.tensor_type
    shown = [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
        for dim in tensor.shape.dim
    ]
    sizes = [dim.dim_value or None for dim in tensor.shape.dim]
    kind = types.DataType.Name(tensor.elem_type).lower()
    what = f"takes {name}, {kind} [{', '.join(map(str, shown))}]"
    if tensor.elem_type not in (types.FLOAT, types.FLOAT16, types.DOUBLE):
        raise _bad(
            path,
            f"{what}; allowed: normalised floats, float32 [1, 3, height, width]. A file of "
            "Warmlens itself needs no import",
        )
    if len(sizes) != 4:
        raise _bad(path, f"{what}, {len(sizes)} dimensions; allowed: 4; {_AGAIN}")
    if sizes[0] not in (None, 1):
        raise _bad(path, f"{what}, {sizes[0]} images at once; allowed: 1 or any number; {_AGAIN}")
    if sizes[1] == 3 or (sizes[1] is None and sizes[3] != 3):
        return "nchw", sizes[3], sizes[2]
    if sizes[3] == 3:
        return "nhwc", sizes[2], sizes[1]
    channels = sizes[1] if sizes[1] is not None and sizes[1] < 16 else sizes[3]
    raise _bad(path, f"{what}, {channels} channels; allowed: 3 (red, green, blue); {_AGAIN}")


def _output(proto: Any, output: str | None, path: Path) -> str:
    names = [each.name for each in proto.graph.output]
    shown = ", ".join(map(printable, names)) or "none"
    if output is not None:
        if output not in names:
            raise WarmlensError(
                "no_such_key", f'{path} has no output "{printable(output)}"; allowed: {shown}.'
            )
        return output
    if len(names) != 1:
        raise _bad(
            path, f"has {len(names)} outputs ({shown}); name the one with the classes by --key"
        )
    return str(names[0])


def _last_operator(graph: ForeignGraph, behind: frozenset[str] = _FORM) -> str:
    """Return the operator that computes the output, before others, which change its form alone."""
    made = {name: node for node in graph.proto.graph.node for name in node.output}
    node = made.get(graph.output_name)
    while node is not None and node.op_type in behind and node.input[0] in made:
        node = made[node.input[0]]
    return "" if node is None else str(node.op_type)


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield a graph and those in the attributes of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _graphs(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    for each in _graphs(graph):
        yield from each.initializer
        for node in each.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)


def _names(graph: Any) -> Iterator[str]:
    for each in _graphs(graph):
        yield from (tensor.name for tensor in each.initializer)
        yield from (value.name for value in (*each.input, *each.output))
        for node in each.node:
            yield node.name
            yield from (*node.input, *node.output)


def _line(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:300].rstrip("."))


def _not_logits(path: Path, found: str) -> WarmlensError:
    return WarmlensError(
        "not_logits",
        f"{path} gives probabilities {found}, neither logits nor a softmax; export it without its "
        "last layer, which computes them.",
    )


def _bad(path: Path, why: str) -> WarmlensError:
    return WarmlensError("bad_onnx", f"{path} {why}.")
