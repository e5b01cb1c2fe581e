"""Import of externally trained weights as model versions."""

import dataclasses
import datetime
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from training.imagenet_classes import Classes, imagenet_classes
from training.install import file_entry, install_version, labels_json
from training.label_files import read_labels_file
from training.model_card import model_card
from training.networks import (
    MEAN,
    STD,
    architecture_of,
    build_network,
    class_count_of,
    load_weights,
)
from training.onnx_export import GRAPH_FILE, GraphSpec, export_classifier
from training.parity import Reference, measure_parity, parity_failed
from training.torch_export import (
    PROGRAM_FILE,
    class_count_of_program,
    export_program,
    is_program,
    load_program,
    require_logits,
)
from training.weights import load_weights_file, torchvision_weights
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import (
    SCHEMA_ID,
    Engine,
    Files,
    InputSpec,
    Interpolation,
    Manifest,
    Metric,
    Normalization,
    OutputSpec,
    Provenance,
    manifest_errors,
)
from warmlens.registry.verify import sha256_of

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
LOWEST_SIZE, HIGHEST_SIZE = 32, 1024


@dataclasses.dataclass(frozen=True)
class ImportRequest:
    """The parameters of an import.

    Attributes:
        name: name of the model.
        version: the new version.
        out: folder of model versions.
        command: the command line, for the manifest.
        licence: licence of the weights, for the manifest.
        size: side of the input in pixels.
        resize: shorter side of an image in pixels, before the centre is cut out.
        interpolation: interpolation of resized images.
        engine: runtime that serves the version.
    """

    name: str
    version: str
    out: Path
    command: str
    licence: str
    size: int = 224
    resize: int = 256
    interpolation: Interpolation = "bilinear"
    engine: Engine = "onnxruntime"


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
        resize=232,
    )
    quoted = Metric(
        name="imagenet_top1_accuracy",
        value=0.80858,
        data="ImageNet ILSVRC 2012 validation set",
        kind="quoted",
        source="documentation of ResNet50_Weights.IMAGENET1K_V2 in torchvision; not measured on "
        "this file",
    )
    network = _network("resnet50", tensors, 1000, description)
    return _install(request, "resnet50", network, imagenet_classes(), description, (quoted,))


def import_file(path: Path, labels: Path, request: ImportRequest) -> bool:
    """Import a checkpoint (`.safetensors`, `.pt` or `.pth`) as a model version.

    The architecture follows from the names of the tensors. Pixels are normalised with ImageNet's
    mean and standard deviation, as in torchvision's recipes. No code in the file is run. With the
    engine `torch` it may also be a TorchScript program of any architecture, float32
    [1, 3, height, width] to logits [1, classes], which PyTorch's interpreter runs.

    Args:
        path: the checkpoint.
        labels: file of :func:`training.label_files.read_labels_file`.
        request: the request.

    Returns:
        False when the same version exists already.

    Raises:
        WarmlensError: `program_for_torch`, `bad_program`, `not_logits`, `not_exported`,
            `unsafe_pickle`, `unreadable_weights`, `unknown_architecture`, `wrong_label_count`,
            `bad_labels`, `bad_setting`, or what installing raises.
    """
    _check(request)
    classes = read_labels_file(labels)
    description = f"the file {path.name} with SHA-256 {sha256_of(path)}, given by the user"
    if is_program(path):
        if request.engine != "torch":
            raise WarmlensError(
                "program_for_torch",
                f"{path} is a TorchScript program, which only PyTorch runs; add --engine torch.",
            )
        network = load_program(path)
        architecture = "a TorchScript program"
        class_count = class_count_of_program(network, request.size, str(path))
        require_logits(network, request.size, str(path))
    else:
        tensors = load_weights_file(path)
        architecture = architecture_of(tensors, str(path))
        class_count = class_count_of(tensors, str(path))
        network = _network(architecture, tensors, class_count, description)
    if len(classes.ids) != class_count:
        raise WarmlensError(
            "wrong_label_count",
            f"{labels} has {len(classes.ids)} labels; {path.name} has {class_count} classes.",
        )
    return _install(request, architecture, network, classes, description, ())


def _check(request: ImportRequest) -> None:
    if request.engine not in ("onnxruntime", "torch"):
        raise WarmlensError(
            "bad_setting", f'engine is "{request.engine}"; allowed: onnxruntime, torch.'
        )
    if not LOWEST_SIZE <= request.size <= HIGHEST_SIZE:
        raise WarmlensError(
            "bad_setting",
            f"size is {request.size}; allowed: {LOWEST_SIZE} to {HIGHEST_SIZE} pixels.",
        )
    if not request.size <= request.resize <= 2 * HIGHEST_SIZE:
        raise WarmlensError(
            "bad_setting",
            f"resize is {request.resize}; allowed: {request.size} (the size) to "
            f"{2 * HIGHEST_SIZE} pixels.",
        )
    if request.interpolation not in ("bilinear", "bicubic"):
        raise WarmlensError(
            "bad_setting",
            f'interpolation is "{request.interpolation}"; allowed: bilinear, bicubic.',
        )


def _network(architecture: str, tensors: dict[str, Any], class_count: int, source: str) -> Any:
    network = build_network(architecture, class_count)
    load_weights(network, tensors, new_head=False, where=source)
    return network.eval()


def _install(
    request: ImportRequest,
    architecture: str,
    network: Any,
    classes: Classes,
    source: str,
    metrics: tuple[Metric, ...],
) -> bool:
    spec = InputSpec(
        name="image",
        width=request.size,
        height=request.size,
        resize_shorter_side=request.resize,
        interpolation=request.interpolation,
        normalization=Normalization(mean=MEAN, std=STD, in_graph=True),
    )
    graph = GraphSpec(request.size, request.size, len(classes.ids), MEAN, STD)
    is_torch = request.engine == "torch"
    model_file = PROGRAM_FILE if is_torch else GRAPH_FILE
    model = (export_program if is_torch else export_classifier)(network, graph)
    versions = {name: metadata.version(name) for name in VERSIONED_PACKAGES}
    reference = Reference(network, f"the same weights in PyTorch {versions['torch']} on the CPU")
    parity = measure_parity(model, reference, spec, [], classes, request.engine)
    if parity.max_abs_softmax_difference > parity.tolerance or parity.top1_agreement < 1:
        raise parity_failed(parity)
    labels = labels_json(classes.ids, classes.labels)
    with manifest_errors(f"{request.name}/{request.version}/manifest.json"):
        manifest = Manifest(
            schema=SCHEMA_ID,
            name=request.name,
            version=request.version,
            architecture=architecture,
            engine=request.engine,
            precision="fp32",
            input=spec,
            output=OutputSpec(name=graph.output_name),
            class_count=len(classes.ids),
            files=Files(
                model=file_entry(model_file, model), labels=file_entry("labels.json", labels)
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
        )
    contents = {
        model_file: model,
        "labels.json": labels,
        "README.md": model_card(manifest, classes.labels).encode(),
    }
    return install_version(request.out, manifest, contents)
