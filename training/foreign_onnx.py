"""Reading of ONNX classifiers of other programs.

Such a file takes normalised floats, NCHW (or NHWC), and gives logits or a softmax.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from training.model_packages import import_model_package
from warmlens.console import printable
from warmlens.errors import WarmlensError

Layout = Literal["nchw", "nhwc"]
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
        raise bad_onnx(path, f"is damaged, incomplete, or not ONNX: {reason}") from None
    if not proto.graph.node:
        raise bad_onnx(path, "is damaged, incomplete, or not ONNX: it has no operators")
    _load_external(onnx, proto, path)
    _require_finite(onnx, proto, path)
    given = {tensor.name for tensor in proto.graph.initializer}
    inputs = [each for each in proto.graph.input if each.name not in given]
    if len(inputs) != 1:
        names = ", ".join(printable(each.name) for each in inputs) or "none"
        raise bad_onnx(path, f"has {len(inputs)} inputs ({names}); allowed: one image; {_AGAIN}")
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


def serialized(proto: Any, path: Path) -> bytes:
    """Return a model as the bytes of a file.

    Raises:
        WarmlensError: `bad_onnx` when it has more than 2 GiB, the limit of the format.
    """
    try:
        raw: bytes = proto.SerializeToString(deterministic=True)
    except Exception as error:  # protobuf's own types share no public base
        raise bad_onnx(
            path, f"has more than 2 GiB, the limit of one file: {one_line(error)}"
        ) from None
    return raw


def _load_external(onnx: Any, proto: Any, path: Path) -> None:
    external = onnx.external_data_helper
    for tensor in _tensors(proto.graph):
        if not external.uses_external_data(tensor):
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        file = path.parent / location
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise bad_onnx(path, f"names a file of weights outside of its folder, {location!r}")
        if not file.is_file():
            raise WarmlensError(
                "onnx_data_missing",
                f"{path} has its weights in another file, {printable(location)}, which is not in "
                f"{path.parent}; put it there.",
            )
        try:
            external.load_external_data_for_tensor(tensor, str(path.parent))
        except Exception as error:  # ValueError and onnx's own types
            raise bad_onnx(
                path, f"cannot read its weights in {printable(location)}: {error}"
            ) from None
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.DEFAULT
        if tensor.HasField("raw_data"):
            _require_size(onnx, tensor, location, path)


def _require_size(onnx: Any, tensor: Any, location: str, path: Path) -> None:
    try:
        onnx.numpy_helper.to_array(tensor)
    except ValueError:
        raise bad_onnx(
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
        raise bad_onnx(path, f"has the input {name}, which is not a tensor; {_AGAIN}")
    tensor = given.type.tensor_type
    shown = [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
        for dim in tensor.shape.dim
    ]
    sizes = [dim.dim_value or None for dim in tensor.shape.dim]
    kind = types.DataType.Name(tensor.elem_type).lower()
    what = f"takes {name}, {kind} [{', '.join(map(str, shown))}]"
    if tensor.elem_type not in (types.FLOAT, types.FLOAT16, types.DOUBLE):
        raise bad_onnx(
            path,
            f"{what}; allowed: normalised floats, float32 [1, 3, height, width]. A file of "
            "Warmlens itself needs no import",
        )
    if len(sizes) != 4:
        raise bad_onnx(path, f"{what}, {len(sizes)} dimensions; allowed: 4; {_AGAIN}")
    if sizes[0] not in (None, 1):
        raise bad_onnx(
            path, f"{what}, {sizes[0]} images at once; allowed: 1 or any number; {_AGAIN}"
        )
    if sizes[1] == 3 or (sizes[1] is None and sizes[3] != 3):
        return "nchw", sizes[3], sizes[2]
    if sizes[3] == 3:
        return "nhwc", sizes[2], sizes[1]
    channels = sizes[1] if sizes[1] is not None and sizes[1] < 16 else sizes[3]
    raise bad_onnx(path, f"{what}, {channels} channels; allowed: 3 (red, green, blue); {_AGAIN}")


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
        raise bad_onnx(
            path, f"has {len(names)} outputs ({shown}); name the one with the classes by --key"
        )
    return str(names[0])


def graphs_in(graph: Any) -> Iterator[Any]:
    """Yield a graph and those in the attributes of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from graphs_in(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    for each in graphs_in(graph):
        yield from each.initializer
        for node in each.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)


def one_line(error: Exception) -> str:
    """Return the message of an error in one line."""
    return printable(" ".join(str(error).split())[:300].rstrip("."))


def bad_onnx(path: Path, why: str) -> WarmlensError:
    """Return the error for a file that is no classifier of images."""
    return WarmlensError("bad_onnx", f"{path} {why}.")
