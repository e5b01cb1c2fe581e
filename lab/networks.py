"""The networks that `warmlens model train` offers, by what others published and by their layers.

Top-1 accuracy and multiply-adds of the Lites are from the README of
models/official/efficientnet/lite in github.com/tensorflow/tpu (columns FP32 accuracy and MAdds);
those of ResNet50 are from torchvision's `ResNet50_Weights.IMAGENET1K_V2`, the weights that training
starts from. The small CNN's multiply-adds are counted from its layers; it has no ImageNet weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.markdown import table
from lab.shipped_models import file_mb, shipped, top1_percent
from training.config import DEFAULTS, mode_of, stages_text
from warmlens.records import Record
from warmlens.registry.manifest import Manifest


@dataclass(frozen=True)
class Network:
    """A network with 10 classes.

    Attributes:
        input_px: side of the input that accuracy and multiply-adds are for.
        top1: published top-1 accuracy on ImageNet in %; None without ImageNet weights.
        gmac: billions of multiply-adds of an answer.
        weights_m: millions of weights.
    """

    input_px: int
    top1: float | None
    gmac: float
    weights_m: float


NETWORKS = {
    "small-cnn": Network(64, None, 0.13, 0.4),
    "efficientnet-lite0": Network(224, 75.1, 0.41, 3.4),
    "efficientnet-lite1": Network(240, 76.7, 0.63, 4.1),
    "efficientnet-lite2": Network(260, 77.6, 0.90, 4.8),
    "resnet50": Network(224, 80.9, 4.09, 23.5),
}


def choice() -> str:
    """Return the table of the networks, with the shipped versions of each."""
    versions = shipped()
    rows = [
        (
            f"`{name}`",
            each.input_px,
            "-" if each.top1 is None else f"{each.top1:.1f}",
            f"{each.gmac:.2f}",
            f"{each.weights_m:.1f}",
            stages_text(DEFAULTS[mode_of(name, only_head=False)]["stages"]),
            "; ".join(_version(of) for of in versions if of.architecture == name) or "-",
        )
        for name, each in NETWORKS.items()
    ]
    return table(
        "network | input, px | top-1 on ImageNet, % | GMAC | million weights "
        "| `train`'s default | shipped as",
        rows,
    )


def _version(manifest: Manifest) -> str:
    top1 = top1_percent(manifest)
    measured = (
        "accuracy not measured here" if top1 is None else f"{top1:.1f} % of its test photos right"
    )
    return (
        f"`{manifest.name}`, {manifest.precision}, {manifest.input.width} px, "
        f"{file_mb(manifest):.1f} MB: {measured}"
    )


def sizes_table(records: Sequence[Record]) -> str:
    """Return the paper's Table 1 beside the sizes of our exports."""
    columns = {
        "paper: top-1 error, %": "paper_top1_error",
        "paper: top-5 error, %": "paper_top5_error",
        "paper: size": "paper_size",
        "ours: fp32": "fp32_size",
        "ours: int8": "int8_size",
    }
    figures = {(each.name, each.metric): each.value for each in records}
    rows = (
        (
            name,
            *(
                f"{figures[name, metric]:{'g' if metric.startswith('paper') else '.1f'}}"
                for metric in columns.values()
            ),
        )
        for name in dict.fromkeys(each.name for each in records)
    )
    return table(" | ".join(("network", *columns)), rows)
