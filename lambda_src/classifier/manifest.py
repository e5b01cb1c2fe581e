"""A model version's manifest: what the function must know, checked field by field.

The schema with every field is `model_artifacts/manifest.schema.json`. The function checks by hand
what it uses, since a validator would have to be imported at each cold start.
"""

import json
from typing import Any, NamedTuple

from .errors import ModelError

SCHEMA = "warmlens.model/1"
ENGINES = ("onnxruntime", "torch")
MAX_SIDE = 4096


class Geometry(NamedTuple):
    """A model's input size and how an image is brought to it.

    The shorter side is resized to `resize_shorter_side` pixels, then `width` x `height` pixels
    are cut from the centre.
    """

    width: int
    height: int
    resize_shorter_side: int
    interpolation: str


class ModelFile(NamedTuple):
    """A file of the version: its name in the version's folder, size and SHA-256."""

    path: str
    size_bytes: int
    sha256: str

    def check(self, size_bytes: int, sha256: str) -> None:
        """Raise ModelError unless content of this size and SHA-256 is exactly this file's."""
        if size_bytes != self.size_bytes:
            raise self.wrong_size(size_bytes)
        if sha256 != self.sha256:
            raise ModelError(f"{self.path} does not match the SHA-256 in its manifest")

    def wrong_size(self, size_bytes: int) -> ModelError:
        """Return the error that tells of content of another size."""
        return ModelError(
            f"{self.path} has {size_bytes} bytes; its manifest says {self.size_bytes}"
        )


class Manifest(NamedTuple):
    """What the function uses of a manifest."""

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
        ModelError: not a manifest of this schema, name and version; the message says which field.
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
    """Parse `labels.json` to the class ids and the labels, both in the order of the outputs.

    Raises:
        ModelError: not as many ids and labels as the model has classes.
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
    found = _get(fields, key, str)
    if found != value:
        raise ModelError(f'manifest.json: "{key}" is {found!r}, expected {value!r}')


def _get(fields: Any, key: str, kind: type) -> Any:
    value = fields.get(key) if isinstance(fields, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelError(f'"{key}" is missing or not of type {kind.__name__}')
    # No file and no engine takes a NUL or half a character.
    if isinstance(value, str) and not value.isprintable():
        raise ModelError(f'manifest.json: "{key}" is {value!r}, not printable')
    return value


def _positive(fields: Any, key: str, most: int) -> int:
    value: int = _get(fields, key, int)
    if not 1 <= value <= most:
        raise ModelError(f'manifest.json: "{key}" is {value}, allowed are 1 to {most}')
    return value
