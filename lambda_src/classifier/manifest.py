"""Parsing and validation of a model version's manifest.

The full schema is `model_artifacts/manifest.schema.json`. The function checks by hand the fields
that it uses, since a validation library would be imported at each cold start.
"""

import json
from typing import Any, NamedTuple

from .errors import ModelError

SCHEMA = "warmlens.model/1"
ENGINES = ("onnxruntime", "torch")
MAX_SIDE = 4096


class Geometry(NamedTuple):
    """A model's input size and how images are resized to it.

    The shorter side is resized to `resize_shorter_side` pixels, then `width` x `height` pixels
    are cut from the centre.
    """

    width: int
    height: int
    resize_shorter_side: int
    interpolation: str


class ModelFile(NamedTuple):
    """A file of a model version: its name, size and SHA-256."""

    path: str
    size_bytes: int
    sha256: str

    def check(self, size_bytes: int, sha256: str) -> None:
        """Raise ModelError if the size or the SHA-256 differs from the manifest's."""
        if size_bytes != self.size_bytes:
            raise self.wrong_size(size_bytes)
        if sha256 != self.sha256:
            raise ModelError(f"{self.path} does not match the SHA-256 in its manifest")

    def wrong_size(self, size_bytes: int) -> ModelError:
        """Return the error for a file of another size."""
        return ModelError(
            f"{self.path} has {size_bytes} bytes; its manifest says {self.size_bytes}"
        )


class Manifest(NamedTuple):
    """The fields of a manifest that the function uses."""

    name: str
    version: str
    engine: str
    geometry: Geometry
    input_name: str
    output_name: str
    class_count: int
    model: ModelFile
    weights: ModelFile | None
    labels: ModelFile
    optimized: bool


def read_manifest(data: bytes, *, name: str, version: str) -> Manifest:
    """Parse and check a manifest.

    Args:
        data: the bytes of `manifest.json`.
        name: the model that it must describe.
        version: the version that it must describe.

    Raises:
        ModelError: the manifest is invalid, or for another name or version; the message names the
            field.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise ModelError("manifest.json is not valid JSON") from None
    _expect(fields, "schema", SCHEMA)
    _expect(fields, "name", name)
    _expect(fields, "version", version)
    engine = _get(fields, "engine", str)
    if engine not in ENGINES:
        raise ModelError(f'manifest.json: "engine" is {engine!r}, not a known one')
    image = _get(fields, "input", dict)
    output = _get(fields, "output", dict)
    files = _get(fields, "files", dict)
    return Manifest(
        name=name,
        version=version,
        engine=engine,
        geometry=_geometry(image),
        input_name=_get(image, "name", str),
        output_name=_get(output, "name", str),
        class_count=_positive(fields, "class_count", 1_000_000),
        model=_file(_get(files, "model", dict)),
        weights=_file(_get(files, "weights", dict)) if "weights" in files else None,
        labels=_file(_get(files, "labels", dict)),
        optimized="optimization" in fields,
    )


def read_labels(data: bytes, *, class_count: int) -> tuple[list[str], list[str]]:
    """Parse `labels.json` and return class ids and labels, both in the order of the outputs.

    Args:
        data: the bytes of `labels.json`.
        class_count: number of classes of the model.

    Raises:
        ModelError: the number of ids or labels differs from `class_count`.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise ModelError("labels.json is not valid JSON") from None
    columns = []
    for key in ("ids", "labels"):
        values = _get(fields, key, list)
        if len(values) != class_count or not all(isinstance(value, str) for value in values):
            raise ModelError(
                f'labels.json: "{key}" must be {class_count} strings, one per class; '
                f"it has {len(values)} values"
            )
        columns.append(values)
    return columns[0], columns[1]


def _geometry(image: dict[str, Any]) -> Geometry:
    interpolation = _get(image, "interpolation", str)
    if interpolation not in ("bicubic", "bilinear"):
        raise ModelError(f'manifest.json: "interpolation" is {interpolation!r}, not a known one')
    width = _positive(image, "width", MAX_SIDE)
    height = _positive(image, "height", MAX_SIDE)
    shorter_side = _positive(image, "resize_shorter_side", MAX_SIDE)
    if shorter_side < max(width, height):
        raise ModelError('manifest.json: "resize_shorter_side" is smaller than the crop')
    return Geometry(
        width=width,
        height=height,
        resize_shorter_side=shorter_side,
        interpolation=interpolation,
    )


def _file(fields: dict[str, Any]) -> ModelFile:
    path = _get(fields, "path", str)
    if "/" in path or "\\" in path or path.startswith("."):
        raise ModelError(f"manifest.json: the path {path!r} is not a plain file name")
    return ModelFile(path, _positive(fields, "bytes", 10 * 2**30), _get(fields, "sha256", str))


def _expect(fields: Any, key: str, value: str) -> None:
    actual = _get(fields, key, str)
    if actual != value:
        raise ModelError(f'manifest.json: "{key}" is {actual!r}, expected {value!r}')


def _get(fields: Any, key: str, kind: type) -> Any:
    value = fields.get(key) if isinstance(fields, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelError(f'"{key}" is missing or not of type {kind.__name__}')
    # Files and engines accept neither NUL nor a lone surrogate.
    if isinstance(value, str) and not value.isprintable():
        raise ModelError(f'manifest.json: "{key}" is {value!r}, not printable')
    return value


def _positive(fields: Any, key: str, maximum: int) -> int:
    value: int = _get(fields, key, int)
    if not 1 <= value <= maximum:
        raise ModelError(f'manifest.json: "{key}" is {value}, allowed are 1 to {maximum}')
    return value
