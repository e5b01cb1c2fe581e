"""The manifest of a model version: its fields and their rules.

A field's `description` says what it allows, and stands in the error that names a wrong value. The
JSON Schema in model_artifacts/manifest.schema.json is generated from these classes by
`python -m warmlens.registry.manifest_schema`.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from warmlens.characters import first_unprintable

SCHEMA_ID: Literal["warmlens.model/1"] = "warmlens.model/1"
MANIFEST_NAME = "manifest.json"

Engine = Literal["onnxruntime", "torch"]
Precision = Literal["fp32", "int8"]
Interpolation = Literal["bicubic", "bilinear"]


def _printable(text: str) -> str:
    if character := first_unprintable(text):
        raise PydanticCustomError("unprintable", "unprintable", {"character": character})
    return text


def _rule(message: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{message}", {"message": message})


Key = Annotated[str, AfterValidator(_printable)]
Text = Annotated[
    str,
    Field(min_length=1, max_length=2000, description="a text of 1 to 2000 characters"),
    AfterValidator(_printable),
]
MAX_TITLE_CHARACTERS = 60
Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TITLE_CHARACTERS,
        description=f"a text of 1 to {MAX_TITLE_CHARACTERS} characters, shown after the number of "
        'classes, such as "groceries"',
    ),
    AfterValidator(_printable),
]
Pixels = Annotated[int, Field(ge=1, le=4096, description="a whole number of pixels from 1 to 4096")]
Share = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
Count = Annotated[int, Field(ge=0, description="a whole number of at least 0")]
Sha256 = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="64 lower-case hexadecimal digits")
]
Number = Annotated[float, Field(description="a number")]
NotNegative = Annotated[float, Field(ge=0, description="a number of at least 0")]
Positive = Annotated[float, Field(gt=0, description="a number above 0")]


class _Part(BaseModel):
    """An object of a manifest: immutable, without unknown fields or converted values."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _leaves_out_what_it_lacks(self, info: ValidationInfo) -> Self:
        for name in self.model_fields_set if info.mode == "json" else ():
            if getattr(self, name) is None:
                raise PydanticCustomError("null", "no field is null", {"field": name})
        return self


class Normalization(_Part):
    """The graph's normalization of pixel values (0 to 255): subtract `mean`, divide by `std`."""

    mean: tuple[Number, ...] = Field(
        min_length=3,
        max_length=3,
        description="three numbers, one for each of red, green and blue, on the scale of pixel "
        "values (0 to 255)",
    )
    std: tuple[Positive, ...] = Field(
        min_length=3,
        max_length=3,
        description="three numbers above 0, one for each of red, green and blue, on the scale of "
        "pixel values (0 to 255)",
    )
    in_graph: Literal[True] = Field(
        description="true: the graph normalises, the caller passes plain pixels"
    )


class InputSpec(_Part):
    """The graph's input, uint8 [1, height, width, 3] in RGB.

    An image is resized so that its shorter side has `resize_shorter_side` pixels (the longer side
    in proportion, rounded down), and its centre, `width` x `height`, is cut out.
    """

    name: Text
    width: Pixels
    height: Pixels
    resize_shorter_side: Pixels
    interpolation: Interpolation = Field(description='"bicubic" or "bilinear"')
    normalization: Normalization

    @model_validator(mode="after")
    def _covers_the_input(self) -> "InputSpec":
        larger = max(self.width, self.height)
        if self.resize_shorter_side < larger:
            raise _rule(
                f"input.resize_shorter_side is {self.resize_shorter_side}; allowed: at least the "
                f"larger of width and height, {larger}."
            )
        return self


class OutputSpec(_Part):
    """The graph's output, float32 [1, class_count], softmax over all classes."""

    name: Text


class FileEntry(_Part):
    """A file in the version's folder."""

    path: str = Field(
        pattern="^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}$",
        description="a plain file name inside the version's folder: letters, digits, dots, hyphens "
        "and underscores, no slash, no leading dot or hyphen",
    )
    bytes: int = Field(
        ge=1, le=5 * 2**30, description="a whole number of bytes from 1 to 5368709120"
    )
    sha256: Sha256


class Files(_Part):
    """The files that a classifier loads; `weights` where they are not in the graph's file."""

    model: FileEntry
    weights: FileEntry | None = None
    labels: FileEntry

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """All files of the version."""
        return tuple(entry for entry in (self.model, self.weights, self.labels) if entry)

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.bytes for entry in self.entries)

    @model_validator(mode="after")
    def _have_different_names(self) -> "Files":
        paths = [entry.path for entry in self.entries]
        # File systems of macOS take names that differ in upper case alone for the same.
        if len({MANIFEST_NAME, *(path.casefold() for path in paths)}) != 1 + len(paths):
            raise _rule(
                f"the paths of files are {', '.join(paths)}; allowed: names that differ in more "
                f"than upper case, none of them {MANIFEST_NAME}."
            )
        return self


class Optimization(_Part):
    """The optimization of the graph at export time, and the runtime that did it."""

    level: Literal["extended", "portable"] = Field(
        description='"portable": everything that works on every processor; "extended": the same '
        "without channels last for int8"
    )
    engine: Text


class Metric(_Part):
    """A figure about the model, with the data it was measured on and its source."""

    name: Text
    value: Number
    data: Text
    kind: Literal["measured", "quoted"] = Field(
        description='"measured" (by the command in provenance) or "quoted" (from source)'
    )
    source: Text


class RankedClass(_Part):
    """A class of an answer, with its probability."""

    id: Text
    label: Text
    softmax: Share


class SampleAnswer(_Part):
    """The best classes of the reference model for an image file."""

    file: Text
    sha256: Sha256
    top5: tuple[RankedClass, ...] = Field(
        min_length=1,
        max_length=5,
        description="a list of one to five objects with id, label and softmax",
    )


class Parity(_Part):
    """The difference between the model file's softmax and that of the model it was exported from.

    `subject` names the compared file where it is not the version's own: an int8 file is made from
    an fp32 export, and the export is compared with the original.
    """

    reference: Text
    data: Text
    images: int = Field(ge=1, description="a whole number of at least 1")
    max_abs_softmax_difference: Share
    tolerance: Share
    top1_agreement: Share
    samples: tuple[SampleAnswer, ...] = Field(
        description="a list of the reference's answers on named images"
    )
    max_abs_logit_difference: NotNegative | None = None
    subject: Text | None = None


class Quantization(_Part):
    """The calibration of an int8 file, and its agreement with the fp32 export.

    `reduce_range` is true where weights have 7 bits, which no processor's int8 arithmetic
    saturates on.
    """

    method: Text
    calibration_data: Text
    calibration_images: Count
    reduce_range: bool = Field(description="true or false")
    fp32_bytes: Count
    data: Text
    images: Count
    top1_agreement: Share
    max_abs_softmax_difference: Share


class PhotoShare(_Part):
    """A share of photos, with their number and the data that they are of."""

    share: Share
    images: int = Field(ge=1, description="a whole number of at least 1")
    data: Text


class Recognition(_Part):
    """When an answer counts as recognized, and how well that works.

    The graph divides its logits by `temperature`, so that its softmax is calibrated. An image
    whose highest softmax is below `threshold` is not recognized. `kept` is the share of photos of
    the model's own classes that are recognized, `found` the share of photos of other things that
    are not, and `auroc` the area under the curve of one against the other over all thresholds.
    `chosen_on` names the photos that temperature and threshold were chosen on.
    """

    temperature: Positive
    threshold: Share
    score: Literal["top1_softmax"] = Field(
        description='"top1_softmax": the highest softmax of an image'
    )
    kept: PhotoShare
    found: PhotoShare
    auroc: Share
    chosen_on: Text | None = None


MAX_MAP_SIDE = 64
MAX_CHANNELS = 65_536
_VALUE_BYTES = {"float32": 4, "int8": 1}
MapSide = Annotated[
    int, Field(ge=1, le=MAX_MAP_SIDE, description=f"a whole number from 1 to {MAX_MAP_SIDE}")
]


class Features(_Part):
    """The input of the average pooling, a further output of the graph.

    It is [1, channels, rows, columns], in float32, or in uint8 where 0 stands for 0.
    """

    name: Text
    type: Literal["float32", "uint8"] = Field(description='"float32" or "uint8"')
    channels: int = Field(
        ge=1, le=MAX_CHANNELS, description=f"a whole number from 1 to {MAX_CHANNELS}"
    )
    rows: MapSide
    columns: MapSide


class LastLayer(_Part):
    """The place of the last layer's weights: [class_count, channels], row by row, little-endian.

    Weights in int8 are those of a graph that scales each class by a positive number.
    """

    file: Literal["model", "weights"] = Field(
        description='"model" or "weights": which of the files has them'
    )
    offset: int = Field(
        ge=0, le=5 * 2**30, description="a whole number of bytes from 0 to 5368709120"
    )
    type: Literal["float32", "int8"] = Field(description='"float32" or "int8"')


class Explain(_Part):
    """The features and weights of class-activation maps, which are right up to a positive factor.

    The map of a class is the sum over channels of its weights in the last layer times the features.
    """

    features: Features
    last_layer: LastLayer


class Training(_Part):
    """The training run that the weights come from.

    `augment` is true where training photos were changed at random, `precision` that of the
    computation, and an `initial_weights_kind` of run an earlier run of this project.
    """

    run: Text
    mode: Text
    command: Text
    seed: Count
    stages: Text
    epochs_done: Count
    augment: bool = Field(description="true or false")
    precision: Literal["fp32", "bf16", "fp16"] = Field(description='"fp32", "bf16" or "fp16"')
    data_sha256: Sha256
    photos: dict[Key, Count] = Field(
        description="an object of split names and their numbers of photos"
    )
    initial_weights_kind: Literal["none", "torchvision", "package", "file", "run"] = Field(
        description='"none", "torchvision", "package", "file" or "run" (an earlier run of this '
        "project)"
    )
    initial_weights: Text


class Provenance(_Part):
    """The source of the weights, their licence, and the command that made the files."""

    source: Text
    licence: Text
    command: Text
    date: str = Field(
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="a date such as 2026-11-23"
    )
    versions: dict[Key, Text] = Field(description="an object of package names and their versions")


class Manifest(_Part):
    """The manifest of one model version, manifest.json in its folder `<name>/<version>/`."""

    schema_id: Literal["warmlens.model/1"] = Field(
        alias="schema", description=f'the text "{SCHEMA_ID}"'
    )
    name: str = Field(
        pattern="^[a-z0-9][a-z0-9-]{0,62}$",
        description="1 to 63 lower-case letters, digits and hyphens, not starting with a hyphen; "
        "the same as the model's folder",
    )
    version: str = Field(
        pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$",
        description="three numbers with dots between, such as 1.0.0; the same as the version's "
        "folder",
    )
    title: Title | None = None
    architecture: Text
    engine: Engine = Field(
        description='"onnxruntime" (files.model is an ONNX graph) or "torch" (a TorchScript '
        "program)"
    )
    precision: Precision = Field(description='"fp32" or "int8"')
    input: InputSpec
    output: OutputSpec
    class_count: int = Field(ge=2, le=100_000, description="a whole number from 2 to 100000")
    files: Files
    metrics: tuple[Metric, ...] = Field(description="a list of figures about the model")
    parity: Parity | None = None
    provenance: Provenance
    recognition: Recognition | None = None
    explain: Explain | None = None
    optimization: Optimization | None = None
    quantization: Quantization | None = None
    training: Training | None = None

    @model_validator(mode="after")
    def _has_what_its_engine_takes(self) -> "Manifest":
        fields = {
            "files.weights": self.files.weights,
            "explain": self.explain,
            "optimization": self.optimization,
        }
        for name, field in fields.items():
            if field is not None and self.engine != "onnxruntime":
                raise _rule(f'{name} is set; the engine "{self.engine}" does not support it.')
        return self

    @model_validator(mode="after")
    def _has_the_last_layer(self) -> "Manifest":
        if self.explain is None:
            return self
        layer = self.explain.last_layer
        file = self.files.model if layer.file == "model" else self.files.weights
        if file is None:
            raise _rule('explain.last_layer.file is "weights"; files.weights is missing.')
        size_bytes = self.class_count * self.explain.features.channels * _VALUE_BYTES[layer.type]
        if (end := layer.offset + size_bytes) > file.bytes:
            raise _rule(
                f"explain.last_layer ends at byte {end}; files.{layer.file} has {file.bytes} bytes."
            )
        return self
