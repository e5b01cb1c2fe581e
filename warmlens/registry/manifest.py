"""The manifest of a model version, read strictly and written in one form.

The fields and what they allow are in model_artifacts/manifest.schema.json; the dataclasses here
carry the same names.
"""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from warmlens.errors import WarmlensError
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.schema_error import explain

SCHEMA_ID = "warmlens.model/1"
MANIFEST_NAME = "manifest.json"
SCHEMA_PATH = MODEL_ARTIFACTS / "manifest.schema.json"


@dataclasses.dataclass(frozen=True)
class Normalization:
    """What the graph does to pixel values (0 to 255): subtract ``mean``, divide by ``std``."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    in_graph: bool


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """The graph's input, uint8 [1, height, width, 3] in RGB, and how an image becomes it."""

    name: str
    width: int
    height: int
    resize_shorter_side: int
    interpolation: str
    normalization: Normalization


@dataclasses.dataclass(frozen=True)
class OutputSpec:
    """The graph's output, float32 [1, class_count], softmax over all classes."""

    name: str


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """One file of the version's folder."""

    path: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Files:
    """The files that a classifier loads; ``weights`` where they lie outside the graph's file."""

    model: FileEntry
    labels: FileEntry
    weights: FileEntry | None = None

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """All of them."""
        return tuple(entry for entry in (self.model, self.weights, self.labels) if entry)

    @property
    def bytes(self) -> int:
        """The size of all of them."""
        return sum(entry.bytes for entry in self.entries)


@dataclasses.dataclass(frozen=True)
class Optimization:
    """How the graph was optimized when it was made, and by which runtime."""

    level: str
    engine: str


@dataclasses.dataclass(frozen=True)
class Metric:
    """One figure about the model, with the data it was measured on and who says so."""

    name: str
    value: float
    data: str
    kind: str
    source: str


@dataclasses.dataclass(frozen=True)
class RankedClass:
    """One class of an answer."""

    id: str
    label: str
    softmax: float


@dataclasses.dataclass(frozen=True)
class SampleAnswer:
    """The reference's best classes for one image file."""

    file: str
    sha256: str
    top5: tuple[RankedClass, ...]


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far the model file's softmax is from that of the model it was exported from.

    ``subject`` says which file was compared where it is not the version's own: an int8 file is
    made from an fp32 export, and it is the export that must answer as the original does.
    """

    reference: str
    data: str
    images: int
    max_abs_softmax_difference: float
    tolerance: float
    top1_agreement: float
    samples: tuple[SampleAnswer, ...]
    max_abs_logit_difference: float | None = None
    subject: str | None = None


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How an int8 file was made from its fp32 export, and how often their best classes agree."""

    method: str
    calibration_data: str
    calibration_images: int
    reduce_range: bool
    fp32_bytes: int
    data: str
    images: int
    top1_agreement: float
    max_abs_softmax_difference: float


@dataclasses.dataclass(frozen=True)
class Training:
    """The run that the weights come from.

    ``initial_weights_kind`` is none, torchvision, file or run (an earlier run of this project).
    """

    run: str
    mode: str
    command: str
    seed: int
    stages: str
    epochs_done: int
    augment: bool
    precision: str
    data_sha256: str
    photos: dict[str, int]
    initial_weights_kind: str
    initial_weights: str


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where the weights come from, under which licence, and the command that made the files."""

    source: str
    licence: str
    command: str
    date: str
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """One model version."""

    schema: str
    name: str
    version: str
    architecture: str
    engine: str
    precision: str
    input: InputSpec
    output: OutputSpec
    class_count: int
    files: Files
    metrics: tuple[Metric, ...]
    parity: Parity | None
    provenance: Provenance
    optimization: Optimization | None = None
    quantization: Quantization | None = None
    training: Training | None = None


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json`` of the version folder ``<name>/<version>``.

    Raises:
        WarmlensError: ``folder_missing``, ``manifest_missing``, ``not_regular_file``, or what
            :func:`parse_manifest` raises, or ``wrong_folder`` when the manifest names another
            model or version than its folder.
    """
    folder = folder.resolve()
    where = f"{folder.parent.name}/{folder.name}/{MANIFEST_NAME}"
    if not folder.is_dir():
        raise WarmlensError(
            "folder_missing",
            f"{folder} does not exist or is no folder <name>/<version>; `warmlens model list` "
            "shows what there is.",
        )
    path = folder / MANIFEST_NAME
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise WarmlensError("not_regular_file", f"{where} is a link or no plain file.")
    if not path.exists():
        raise WarmlensError("manifest_missing", f"{where} does not exist.")
    manifest = parse_manifest(path.read_bytes(), where)
    for field, value, allowed in (
        ("name", manifest.name, folder.parent.name),
        ("version", manifest.version, folder.name),
    ):
        if value != allowed:
            raise WarmlensError(
                "wrong_folder", f'{where}: {field} is "{value}"; its folder says "{allowed}".'
            )
    return manifest


def parse_manifest(raw: bytes, where: str) -> Manifest:
    """Build a manifest from the bytes of its file; ``where`` names the file in messages.

    Raises:
        WarmlensError: ``not_json``, ``unknown_schema``, ``missing_field``, ``unknown_field``,
            ``unsafe_path`` or ``bad_field``.
    """
    document = parse_json(raw, where)
    if not isinstance(document, dict):
        raise WarmlensError("not_json", f"{where} holds no JSON object.")
    if document.get("schema") != SCHEMA_ID:
        raise WarmlensError(
            "unknown_schema",
            f'{where}: schema is {json.dumps(document.get("schema"))}; allowed: "{SCHEMA_ID}".',
        )
    fault = explain(_validator(), document)
    if fault is not None:
        raise WarmlensError(fault.code, f"{where}: {fault.message}")
    manifest = _build(document)
    _check_across_fields(manifest, where)
    return manifest


def _check_across_fields(manifest: Manifest, where: str) -> None:
    """Check what the schema cannot say, since it takes two fields to tell."""
    spec = manifest.input
    if spec.resize_shorter_side < max(spec.width, spec.height):
        raise WarmlensError(
            "bad_field",
            f"{where}: input.resize_shorter_side is {spec.resize_shorter_side}; allowed: at least "
            f"the larger of width and height, {max(spec.width, spec.height)}.",
        )
    for name, field in (
        ("files.weights", manifest.files.weights),
        ("optimization", manifest.optimization),
    ):
        if field is not None and manifest.engine != "onnxruntime":
            raise WarmlensError(
                "bad_field",
                f'{where}: {name} is there; allowed with engine "{manifest.engine}": it is not.',
            )
    paths = [entry.path for entry in manifest.files.entries]
    if len({MANIFEST_NAME, *paths}) != 1 + len(paths):
        raise WarmlensError(
            "bad_field",
            f"{where}: the paths of files are {', '.join(paths)}; allowed: different names, none "
            f"of them {MANIFEST_NAME}.",
        )


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as the bytes of its file: JSON, indented by two, in UTF-8."""
    document = _without_none(dataclasses.asdict(manifest))
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out optional fields that are not there; the schema allows null nowhere."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value is not None
    }


def parse_json(raw: bytes, where: str) -> Any:
    """Parse JSON strictly: no key twice, no NaN or infinity.

    Raises:
        WarmlensError: ``not_json``.
    """
    try:
        return json.loads(raw, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WarmlensError("not_json", f"{where} is not valid JSON: {error}.") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key "{twice}" stands twice in one object')
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


@functools.cache
def _validator() -> Draft202012Validator:
    try:
        schema = json.loads(SCHEMA_PATH.read_bytes())
    except FileNotFoundError:
        raise WarmlensError(
            "schema_missing", f"{SCHEMA_PATH} does not exist; run warmlens from its checkout."
        ) from None
    return Draft202012Validator(schema)


def _build(document: dict[str, Any]) -> Manifest:
    """Turn a document that the schema accepts into the dataclasses."""
    spec, files, parity = document["input"], document["files"], document.get("parity")
    quantization, training = document.get("quantization"), document.get("training")
    optimization = document.get("optimization")
    normalization = spec["normalization"]
    return Manifest(
        **{key: document[key] for key in ("schema", "name", "version", "architecture")},
        **{key: document[key] for key in ("engine", "precision")},
        input=InputSpec(
            name=spec["name"],
            width=int(spec["width"]),
            height=int(spec["height"]),
            resize_shorter_side=int(spec["resize_shorter_side"]),
            interpolation=spec["interpolation"],
            normalization=Normalization(
                mean=tuple(map(float, normalization["mean"])),
                std=tuple(map(float, normalization["std"])),
                in_graph=normalization["in_graph"],
            ),
        ),
        output=OutputSpec(**document["output"]),
        class_count=int(document["class_count"]),
        files=Files(**{name: _file_entry(entry) for name, entry in files.items()}),
        metrics=tuple(Metric(**metric) for metric in document["metrics"]),
        parity=None if parity is None else _parity(parity),
        provenance=Provenance(**document["provenance"]),
        optimization=None if optimization is None else Optimization(**optimization),
        quantization=None if quantization is None else Quantization(**quantization),
        training=None if training is None else Training(**training),
    )


def _file_entry(document: dict[str, Any]) -> FileEntry:
    return FileEntry(**{**document, "bytes": int(document["bytes"])})


def _parity(document: dict[str, Any]) -> Parity:
    samples = tuple(
        SampleAnswer(**{**sample, "top5": tuple(RankedClass(**rank) for rank in sample["top5"])})
        for sample in document["samples"]
    )
    return Parity(**{**document, "images": int(document["images"]), "samples": samples})
