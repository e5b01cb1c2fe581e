"""Parsing and validation of a model version's manifest.

The full schema is `model_artifacts/manifest.schema.json`. The function checks by hand the fields
that it uses, since a validation library would be imported at each cold start.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from .errors import ModelError

SCHEMA = "warmlens.model/1"
ENGINES = ("onnxruntime", "torch")
MAX_SIDE = 4096
MAX_TITLE_CHARACTERS = 60
MAX_FILE_BYTES = 5 * 2**30
MAX_CHANNELS = 65_536
MAX_MAP_SIDE = 64
FEATURES_TYPES = {"float32": "f", "uint8": "B"}  # of the module array
WEIGHTS_TYPES = {"float32": "f", "int8": "b"}
PLAIN = bytes({0x0A, *range(0x20, 0x7F)} - {0x5C})  # printable ASCII without the backslash
FILE_LETTERS = str.maketrans("._-", "aaa")
# First and last code points. The command line has the same list, in warmlens/characters.py.
UNPRINTABLE = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x200B, 0x200B),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xF8FF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0xE0000, 0xE007F),
    (0xF0000, 0x10FFFF),
)


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


class Explain(NamedTuple):
    """The features and weights that class-activation maps are computed from.

    `features` is an output of the graph, (1, channels, rows, columns) of the array type
    `features_type`. The file at `path` has the weights of the last layer from `offset` on,
    (classes, channels) of `weights_type`, row by row.
    """

    features: str
    features_type: str
    channels: int
    rows: int
    columns: int
    path: str
    offset: int
    weights_type: str


class Manifest(NamedTuple):
    """The fields of a manifest that the function uses.

    An image whose highest softmax is below `threshold` is not recognized. `threshold` is None for
    a version without one, and `explain` for a version without class-activation maps.
    """

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
    title: str | None
    threshold: float | None
    explain: Explain | None


def read_manifest(data: bytes, *, name: str, version: str) -> Manifest:
    """Parse and check a manifest: the fields that the function reads, and the text of all.

    Args:
        data: the bytes of `manifest.json`.
        name: the model that it must describe.
        version: the version that it must describe.

    Raises:
        ModelError: the manifest is invalid, or for another name or version; the message names the
            field.
    """
    fields = _json("manifest.json", data)
    _expect(fields, "schema", SCHEMA)
    _expect(fields, "name", name)
    _expect(fields, "version", version)
    engine = _get(fields, "engine", str)
    if engine not in ENGINES:
        raise ModelError(f'manifest.json: "engine" is {engine!r}, not a known one')
    files = _get(fields, "files", dict)
    manifest = Manifest(
        name=name,
        version=version,
        engine=engine,
        geometry=_geometry(fields),
        input_name=_get(fields, "input.name", str),
        output_name=_get(fields, "output.name", str),
        class_count=_whole(fields, "class_count", 2, 100_000),
        model=_file(fields, "files.model"),
        weights=_file(fields, "files.weights") if "weights" in files else None,
        labels=_file(fields, "files.labels"),
        optimized="optimization" in fields,
        title=_title(fields) if "title" in fields else None,
        threshold=_threshold(fields["recognition"]) if "recognition" in fields else None,
        explain=None,
    )
    if "explain" not in fields:
        return manifest
    return manifest._replace(explain=_explain(fields, manifest))


def read_labels(data: bytes, *, class_count: int) -> tuple[list[str], list[str]]:
    """Parse `labels.json` and return class ids and labels, both in the order of the outputs.

    Args:
        data: the bytes of `labels.json`.
        class_count: number of classes of the model.

    Raises:
        ModelError: the number of ids or labels differs from `class_count`, or one is empty, there
            twice or not printable; the message names it.
    """
    fields = _json("labels.json", data)
    columns = []
    for key in ("ids", "labels"):
        values = _get(fields, key, list, file="labels.json")
        if len(values) != class_count or set(map(type, values)) != {str}:
            raise ModelError(
                f'labels.json: "{key}" must be {class_count} strings, one per class; '
                f"it has {len(values)} values"
            )
        if "" in values:
            raise ModelError(f"labels.json: {key}[{values.index('')}] is empty")
        columns.append(values)
    if len(fields) != len(columns):
        raise ModelError('labels.json must be an object of just "ids" and "labels"')
    if len(set(columns[0])) != class_count:
        raise ModelError('labels.json: "ids" has an id twice')
    return columns[0], columns[1]


def _json(file: str, data: bytes) -> Any:
    """Parse JSON in UTF-8, without byte order mark, repeated keys, NaN, or unprintable texts."""
    try:
        text = data.decode()  # of bytes, json would guess the encoding
        fields = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is not valid JSON in UTF-8: {error}") from None
    # Quickest first: of ASCII alone, of other letters alone, of escapes or joiners, too.
    odd = data.translate(None, PLAIN)
    if odd and (b"\\" in odd or not text.replace("\n", "").isprintable()):
        _require_printable(file, fields)
    return fields


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError(f"one of the keys {list(fields)} is there twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield all texts within a document, keys too, each with its place."""
    found = [("", value)]
    for place, each in found:  # it grows
        if isinstance(each, str):
            yield place, each
        elif isinstance(each, list):
            found += [(f"{place}[{number}]", item) for number, item in enumerate(each)]
        elif isinstance(each, dict):
            dot = f"{place}." if place else ""
            for key, item in each.items():
                found += (f"{dot}{key}", key), (f"{dot}{key}", item)


def _require_printable(file: str, fields: Any) -> None:
    for place, text in _texts(fields):
        # Letters, signs and emoji of all scripts are printable, joiners and some blanks are not.
        for character in "" if text.isprintable() else text:
            code = ord(character)
            if any(first <= code <= last for first, last in UNPRINTABLE):
                raise ModelError(
                    f"{file}: {place!r} has the character U+{code:04X}, which cannot be seen; "
                    "publish a version without it"
                )


def _geometry(fields: Any) -> Geometry:
    interpolation = _get(fields, "input.interpolation", str)
    if interpolation not in ("bicubic", "bilinear"):
        raise ModelError(
            f'manifest.json: "input.interpolation" is {interpolation!r}, not a known one'
        )
    width = _whole(fields, "input.width", 1, MAX_SIDE)
    height = _whole(fields, "input.height", 1, MAX_SIDE)
    shorter_side = _whole(fields, "input.resize_shorter_side", 1, MAX_SIDE)
    if shorter_side < max(width, height):
        raise ModelError('manifest.json: "input.resize_shorter_side" is smaller than the crop')
    return Geometry(
        width=width,
        height=height,
        resize_shorter_side=shorter_side,
        interpolation=interpolation,
    )


def _title(fields: dict[str, Any]) -> str:
    title: str = _get(fields, "title", str)
    if len(title) > MAX_TITLE_CHARACTERS:
        raise ModelError(
            f'manifest.json: "title" has {len(title)} characters, allowed are 1 to '
            f"{MAX_TITLE_CHARACTERS}"
        )
    return title


def _threshold(recognition: Any) -> float:
    value: Any = recognition.get("threshold") if isinstance(recognition, dict) else None
    if type(value) not in (int, float) or not 0 <= value <= 1:  # True is no number here
        raise ModelError(
            'manifest.json: "recognition.threshold" is missing or not a number from 0 to 1'
        )
    return float(value)


def _explain(fields: Any, manifest: Manifest) -> Explain:
    if manifest.engine != "onnxruntime":
        raise ModelError(f'manifest.json: "explain" is there; {manifest.engine} does not take it')
    kind = _get(fields, "explain.last_layer.file", str)
    file = {"model": manifest.model, "weights": manifest.weights}.get(kind)
    if file is None:
        raise ModelError(f'manifest.json: "explain" names the file {kind!r}, which is not there')
    explain = Explain(
        features=_get(fields, "explain.features.name", str),
        features_type=_type(fields, "explain.features.type", FEATURES_TYPES),
        channels=_whole(fields, "explain.features.channels", 1, MAX_CHANNELS),
        rows=_whole(fields, "explain.features.rows", 1, MAX_MAP_SIDE),
        columns=_whole(fields, "explain.features.columns", 1, MAX_MAP_SIDE),
        path=file.path,
        offset=_whole(fields, "explain.last_layer.offset", 0, MAX_FILE_BYTES),
        weights_type=_type(fields, "explain.last_layer.type", WEIGHTS_TYPES),
    )
    size_bytes = manifest.class_count * explain.channels * (4 if explain.weights_type == "f" else 1)
    if explain.offset + size_bytes > file.size_bytes:
        raise ModelError(f'manifest.json: "explain" names more bytes than {file.path} has')
    return explain


def _type(fields: Any, key: str, known: dict[str, str]) -> str:
    name = _get(fields, key, str)
    if name not in known:
        raise ModelError(f'manifest.json: "{key}" is {name!r}, not a known one')
    return known[name]


def _file(fields: Any, key: str) -> ModelFile:
    path = _get(fields, f"{key}.path", str)
    # Letters, digits, dots, hyphens and underscores.
    plain = path.isascii() and path.translate(FILE_LETTERS).isalnum() and len(path) <= 127
    if not plain or path[0] in ".-":
        raise ModelError(f"manifest.json: the path {path!r} is not a plain file name")
    sha256 = _get(fields, f"{key}.sha256", str)
    if len(sha256) != 64 or sha256.strip("0123456789abcdef"):
        raise ModelError(f'manifest.json: "{key}.sha256" is {sha256!r}, not 64 hexadecimal digits')
    return ModelFile(path, _whole(fields, f"{key}.bytes", 1, MAX_FILE_BYTES), sha256)


def _expect(fields: Any, key: str, value: str) -> None:
    actual = _get(fields, key, str)
    if actual != value:
        raise ModelError(f'manifest.json: "{key}" is {actual!r}, expected {value!r}')


def _get(fields: Any, key: str, kind: type, *, file: str = "manifest.json") -> Any:
    """Return a value by its key, with dots between the keys of nested objects."""
    value = fields
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelError(f'{file}: "{key}" is missing or not of type {kind.__name__}')
    if isinstance(value, str) and not 1 <= len(value) <= 2000:
        raise ModelError(f'{file}: "{key}" has {len(value)} characters, allowed are 1 to 2000')
    return value


def _whole(fields: Any, key: str, minimum: int, maximum: int) -> int:
    value: int = _get(fields, key, int)
    if not minimum <= value <= maximum:
        raise ModelError(f'manifest.json: "{key}" is {value}, allowed are {minimum} to {maximum}')
    return value
