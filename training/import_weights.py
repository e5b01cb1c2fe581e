"""Import of externally trained weights as model versions."""

import dataclasses
import datetime
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from training.calibration import OtherThings, OwnPhotos, fit, imported_photos, judge, notes_on
from training.checkpoints import read_checkpoint
from training.class_map import with_class_map
from training.file_kinds import Kind, kind_of
from training.foreign_onnx import read_onnx
from training.heads import Activation, one_class, read_head
from training.imagenet_classes import Classes, imagenet_classes
from training.install import file_entry, install_version, labels_json
from training.label_files import read_labels_file
from training.model_card import model_card
from training.model_file import open_model_file
from training.model_packages import import_model_package
from training.networks import architecture_of, build_network, load_weights
from training.onnx_behaviour import ForeignSession, behaviour_of
from training.onnx_export import GRAPH_FILE, GraphSpec, export_classifier
from training.onnx_wrapper import with_pixels_and_softmax
from training.parity import Reference, measure_parity, parity_failed, photos_in
from training.preprocessing import Preprocessing
from training.temperature import scale_logits
from training.torch_export import (
    PROGRAM_FILE,
    class_count_of_program,
    export_program,
    load_program,
    require_logits,
)
from training.weights import torchvision_weights
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import (
    SCHEMA_ID,
    Engine,
    Explain,
    Files,
    InputSpec,
    Manifest,
    Metric,
    OutputSpec,
    Precision,
    Provenance,
    Recognition,
)
from warmlens.registry.manifest_file import manifest_errors
from warmlens.registry.verify import sha256_of

torch: Any = import_model_package("torch")

RESNET50_IMAGENET = "resnet50-imagenet"
VERSIONED_PACKAGES = (
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pillow",
    "torch",
    "torchvision",
)
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class ImportRequest:
    """The parameters of an import.

    Attributes:
        name: name of the model.
        version: the new version.
        out: folder of model versions.
        command: the command line, for the manifest.
        licence: licence of the weights, for the manifest.
        preprocessing: how images are prepared for the network.
        engine: runtime that serves the version.
        key: which weights of a checkpoint to take, or which output of an ONNX file has the
            classes, where there are several.
        head_activation: function between the fully connected layers of a checkpoint's head.
        photos: photos, or folders of them, to compare the version with the original on; a folder
            with a folder for each class also gives temperature and threshold.
        title: short name of what the model knows, for the manifest.
        others: photos of other things, for the threshold.
    """

    name: str
    version: str
    out: Path
    command: str
    licence: str
    preprocessing: Preprocessing = dataclasses.field(default_factory=Preprocessing)
    engine: Engine = "onnxruntime"
    key: str | None = None
    head_activation: Activation | None = None
    photos: tuple[Path, ...] = ()
    title: str | None = None
    others: OtherThings = dataclasses.field(default_factory=OtherThings)


@dataclasses.dataclass(frozen=True)
class _Model:
    """A model to install: its file, the original to compare it with, and its description."""

    file: bytes
    reference: Reference
    spec: InputSpec
    architecture: str
    class_count: int
    output_name: str = "softmax"
    precision: Precision = "fp32"
    explain: Explain | None = None
    recognition: Recognition | None = None


def import_resnet50_imagenet(version: str, out: Path, command: str) -> bool:
    """Download torchvision's ResNet50 weights to `<out>/resnet50-imagenet/<version>/`.

    Returns:
        False when the same version exists already.

    Raises:
        WarmlensError: `offline`, `package_missing`, or what installing raises.
    """
    tensors, description = torchvision_weights("resnet50")
    request = ImportRequest(
        name=RESNET50_IMAGENET,
        version=version,
        out=out,
        command=command,
        licence="BSD-3-Clause (torchvision); the photos of ImageNet were released for "
        "non-commercial research",
        preprocessing=Preprocessing(size=224, resize=232),
    )
    quoted = Metric(
        name="imagenet_top1_accuracy",
        value=0.80858,
        data="ImageNet ILSVRC 2012 validation set",
        kind="quoted",
        source="documentation of ResNet50_Weights.IMAGENET1K_V2 in torchvision; not measured on "
        "this file",
    )
    network = build_network("resnet50", 1000)
    load_weights(network, tensors, new_head=False, where=description)
    model = _exported(network.eval(), "resnet50", 1000, request)
    return _install(request, model, imagenet_classes(), description, (quoted,))


def import_file(
    path: Path, labels: Path, request: ImportRequest, say: Say = lambda note: None
) -> bool:
    """Import a file of weights as a model version; its kind follows from its bytes.

    A checkpoint (safetensors, or a file of `torch.save`) is of an architecture that the names of
    its tensors show. No code in it is run. An ONNX file is of any architecture. With the engine
    `torch` it may also be a TorchScript program of any architecture, float32
    [1, 3, height, width] to logits [1, classes], which PyTorch's interpreter runs.

    Args:
        path: the file.
        labels: file of :func:`training.label_files.read_labels_file`.
        request: the request.
        say: called with sentences on what was taken from the file.

    Returns:
        False when the same version exists already.

    Raises:
        WarmlensError: `program_for_torch`, `bad_program`, `not_logits`, `not_finite`,
            `not_exported`, `wrong_label_count`, `bad_labels`, `bad_setting`, `one_class`,
            `no_images`, or what reading the file, exporting and installing raise.
    """
    if request.engine not in ("onnxruntime", "torch"):
        raise WarmlensError(
            "bad_setting", f'engine is "{request.engine}"; allowed: onnxruntime, torch.'
        )
    kind = kind_of(path)
    if kind != "onnx":  # whose own size may be another
        request.preprocessing.input_spec()
    _require_fitting(kind, path, request)
    classes = read_labels_file(labels)
    make = {"onnx": _from_onnx, "program": _from_program}.get(kind, _from_checkpoint)
    own = imported_photos(request.photos, classes, request.others, say)
    photos = tuple(photo for given in request.photos for photo in photos_in(given))
    request = dataclasses.replace(request, photos=photos)
    model, notes = make(path, request, len(classes.ids), labels)
    for note in notes:
        say(note)
    if own is not None:
        model = _calibrated(model, own, classes, request, say)
    beside = f" ({' '.join(notes)})" if notes else ""
    description = f"the file {path.name} with SHA-256 {sha256_of(path)}, given by the user{beside}"
    return _install(request, model, classes, description, ())


def _calibrated(
    model: _Model, own: OwnPhotos, classes: Classes, request: ImportRequest, say: Say
) -> _Model:
    """Return a model with temperature and threshold."""
    foreign = request.others.read(classes.ids, classes.labels)
    chosen = fit(open_model_file(request.engine, model.file, model.spec), own, foreign)
    file = scale_logits(request.engine, model.file, model.output_name, chosen.temperature)
    explain = None
    if model.explain is not None:
        files, explain = with_class_map({GRAPH_FILE: file})
        file = files[GRAPH_FILE]
    scaled = open_model_file(request.engine, file, model.spec)
    recognition = judge(scaled, chosen, scaled.answer(own.judging))
    for note in notes_on(recognition, chosen):
        say(note)
    original = model.reference.model
    return dataclasses.replace(
        model,
        file=file,
        explain=explain,
        recognition=recognition,
        reference=Reference(
            lambda pixels: original(pixels) / chosen.temperature, model.reference.description
        ),
    )


def _require_fitting(kind: Kind, path: Path, request: ImportRequest) -> None:
    if kind == "program" and request.engine != "torch":
        raise WarmlensError(
            "program_for_torch",
            f"{path} is a TorchScript program, which only PyTorch runs; add --engine torch.",
        )
    if kind == "onnx" and request.engine == "torch":
        raise WarmlensError(
            "bad_setting", f"{path} is ONNX, which ONNX Runtime runs; leave out --engine torch."
        )
    if kind == "program" and request.key is not None:
        raise WarmlensError("bad_setting", f"{path} is a TorchScript program; leave out --key.")
    if kind in ("program", "onnx") and request.head_activation is not None:
        raise WarmlensError(
            "bad_setting", f"{path} has all layers itself; leave out --head-activation."
        )


def _from_checkpoint(
    path: Path, request: ImportRequest, label_count: int, labels: Path
) -> tuple[_Model, tuple[str, ...]]:
    checkpoint = read_checkpoint(path, request.key)
    architecture = architecture_of({**checkpoint.body, **checkpoint.head}, str(path))
    network = build_network(architecture, 2)
    features = network.fc.in_features
    network.fc = torch.nn.Identity()
    load_weights(network, checkpoint.body, new_head=False, where=str(path))
    network.fc, class_count = read_head(checkpoint.head, features, request.head_activation, path)
    _require_labels(label_count, class_count, labels, path)
    return _exported(network.eval(), architecture, class_count, request), checkpoint.notes


def _from_program(
    path: Path, request: ImportRequest, label_count: int, labels: Path
) -> tuple[_Model, tuple[str, ...]]:
    network = load_program(path)
    size = request.preprocessing.input_spec().width
    class_count = class_count_of_program(network, size, str(path))
    if class_count < 2:
        raise one_class(path, "the program gives one value")
    require_logits(network, size, str(path))
    _require_labels(label_count, class_count, labels, path)
    return _exported(network, "a TorchScript program", class_count, request), ()


def _from_onnx(
    path: Path, request: ImportRequest, label_count: int, labels: Path
) -> tuple[_Model, tuple[str, ...]]:
    graph = read_onnx(path, request.key)
    spec = request.preprocessing.input_spec(graph.width, graph.height)
    session = ForeignSession(graph)
    behaviour = behaviour_of(graph, session, (spec.height, spec.width))
    _require_labels(label_count, behaviour.class_count, labels, path)
    normal = spec.normalization
    target = GraphSpec(spec.width, spec.height, behaviour.class_count, normal.mean, normal.std)
    file, image, softmax = with_pixels_and_softmax(graph, behaviour, target)

    def original(images: Any) -> Any:
        values = session.run(images.numpy()).astype("float32").reshape(1, -1)
        answer = torch.from_numpy(values)
        return answer.log() if behaviour.is_softmax else answer

    version = metadata.version("onnxruntime")
    model = _Model(
        file=file,
        reference=Reference(original, f"{path.name} as it is, in ONNX Runtime {version}"),
        spec=spec.model_copy(update={"name": image}),
        architecture="an ONNX graph",
        class_count=behaviour.class_count,
        output_name=softmax,
        precision="int8" if graph.is_quantized else "fp32",
    )
    found = "a softmax" if behaviour.is_softmax else "logits"
    return model, (f"The graph gives {found}; pixels are prepared in the graph.",)


def _require_labels(label_count: int, class_count: int, labels: Path, path: Path) -> None:
    if label_count != class_count:
        raise WarmlensError(
            "wrong_label_count",
            f"{labels} has {label_count} labels; {path.name} has {class_count} classes. Give a "
            "line for each class and no other, in the order of the outputs.",
        )


def _exported(network: Any, architecture: str, class_count: int, request: ImportRequest) -> _Model:
    spec = request.preprocessing.input_spec()
    normal = spec.normalization
    graph = GraphSpec(spec.width, spec.height, class_count, normal.mean, normal.std)
    explain = None
    if request.engine == "torch":
        file = export_program(network, graph)
    else:
        files, explain = with_class_map({GRAPH_FILE: export_classifier(network, graph)})
        file = files[GRAPH_FILE]
    return _Model(
        file=file,
        reference=Reference(
            network, f"the same weights in PyTorch {metadata.version('torch')} on the CPU"
        ),
        spec=spec,
        architecture=architecture,
        class_count=class_count,
        explain=explain,
    )


def _install(
    request: ImportRequest,
    model: _Model,
    classes: Classes,
    source: str,
    metrics: tuple[Metric, ...],
) -> bool:
    model_file = PROGRAM_FILE if request.engine == "torch" else GRAPH_FILE
    versions = {name: metadata.version(name) for name in VERSIONED_PACKAGES}
    parity = measure_parity(
        model.file, model.reference, model.spec, [], classes, request.engine, request.photos
    )
    if parity.max_abs_softmax_difference > parity.tolerance or parity.top1_agreement < 1:
        raise parity_failed(parity)
    labels = labels_json(classes.ids, classes.labels)
    with manifest_errors(f"{request.name}/{request.version}/manifest.json"):
        manifest = Manifest(
            schema=SCHEMA_ID,
            name=request.name,
            version=request.version,
            title=request.title,
            architecture=model.architecture,
            engine=request.engine,
            precision=model.precision,
            input=model.spec,
            output=OutputSpec(name=model.output_name),
            class_count=model.class_count,
            files=Files(
                model=file_entry(model_file, model.file), labels=file_entry("labels.json", labels)
            ),
            metrics=metrics,
            parity=parity,
            provenance=Provenance(
                source=source,
                licence=request.licence,
                command=request.command,
                date=datetime.datetime.now(datetime.UTC).date().isoformat(),
                versions={"python": platform.python_version(), **versions},
            ),
            recognition=model.recognition,
            explain=model.explain,
        )
    contents = {
        model_file: model.file,
        "labels.json": labels,
        "README.md": model_card(manifest, classes.labels).encode(),
    }
    return install_version(request.out, manifest, contents)
