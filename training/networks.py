"""Network architectures: torchvision's ResNets, EfficientNet-Lites and a small CNN."""

import re
from collections.abc import Mapping
from typing import Any

from training import efficientnet_lite
from training.config import LITES
from training.efficientnet_lite import build_lite
from training.model_packages import import_model_package, import_torchvision
from warmlens.console import printable
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
nn: Any = torch.nn
models: Any = (import_torchvision(), import_model_package("torchvision.models"))[1]

SMALL_CNN = "small-cnn"
# Blocks per layer, and whether they are bottlenecks; the pair identifies an architecture.
RESNETS = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
    "resnet152": ((3, 8, 36, 3), True),
}
ARCHITECTURES = (SMALL_CNN, *RESNETS, *LITES)
# Mean and deviation of ImageNet's training images per channel, for pixel values 0 to 255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
SMALL_CNN_CHANNELS = (32, 64, 128, 192)
OTHER_NETWORKS = "Export another network to ONNX with torch.onnx.export, and import that file."
BLOCK = re.compile(r"layer([1-4])\.(\d+)\.")


def build_network(architecture: str, class_count: int, *, to_train: bool = False) -> Any:
    """Return a torch module with random weights, from float32 [n, 3, height, width] to logits.

    Its last layer is the attribute `fc`, a fully connected layer.

    Args:
        architecture: one of `ARCHITECTURES`.
        class_count: number of outputs.
        to_train: initialise each residual block as the identity, which trains better from random
            weights.

    Raises:
        WarmlensError: `unknown_architecture`.
    """
    if architecture == SMALL_CNN:
        return _small_cnn(class_count)
    if architecture in LITES:
        return build_lite(architecture, class_count)
    if architecture not in RESNETS:
        raise WarmlensError(
            "unknown_architecture",
            f'There is no architecture "{architecture}"; allowed: {", ".join(ARCHITECTURES)}.',
        )
    return getattr(models, architecture)(num_classes=class_count, zero_init_residual=to_train)


def normalization_of(architecture: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation per channel that a network's inputs are normalised with.

    They are for pixel values 0 to 255, and those that its ImageNet weights were trained with.
    """
    if architecture in LITES:
        return efficientnet_lite.MEAN, efficientnet_lite.STD
    return MEAN, STD


def parameter_count(network: Any) -> int:
    """Return the number of trainable weights."""
    return sum(parameter.numel() for parameter in network.parameters())


def load_weights(network: Any, weights: Mapping[str, Any], *, new_head: bool, where: str) -> None:
    """Load weights into a network.

    Args:
        network: the network.
        weights: tensors by name.
        new_head: keep the network's own last layer, for another set of classes.
        where: name of the weights in messages.

    Raises:
        WarmlensError: `weights_differ` when a tensor is missing, unknown or of another shape.
    """
    weights = dict(weights)
    own = network.state_dict()
    if new_head:
        weights = {name: weights[name] for name in weights if not name.startswith("fc.")}
        weights |= {name: own[name] for name in ("fc.weight", "fc.bias")}
    for name in sorted(own.keys() | weights.keys()):
        # A counter of batches, absent from old checkpoints.
        if name.endswith("num_batches_tracked") and name not in weights:
            weights[name] = own[name]
        if name not in weights or name not in own:
            fault = "is missing" if name not in weights else "is unknown to the architecture"
            raise WarmlensError(
                "weights_differ", f"{where}: the tensor {printable(name)} {fault}. {OTHER_NETWORKS}"
            )
        if weights[name].shape != own[name].shape:
            raise WarmlensError(
                "weights_differ",
                f"{where}: the tensor {name} is {list(weights[name].shape)}; "
                f"the architecture needs {list(own[name].shape)}. {OTHER_NETWORKS}",
            )
    network.load_state_dict(weights)


def architecture_of(weights: Mapping[str, Any], where: str) -> str:
    """Return the architecture of weights, derived from the names of the tensors.

    Raises:
        WarmlensError: `unknown_architecture`.
    """
    if "features.0.weight" in weights and "fc.weight" in weights:
        return SMALL_CNN
    if "body.conv_stem.weight" in weights:
        return _lite_of(weights, where)
    last = [-1] * 4
    for name in weights:
        if match := BLOCK.match(name):
            layer = int(match[1]) - 1
            last[layer] = max(last[layer], int(match[2]))
    shape = (tuple(block + 1 for block in last), "layer1.0.conv3.weight" in weights)
    for architecture, known in RESNETS.items():
        if shape == known:
            return architecture
    raise _unknown(where)


def _lite_of(weights: Mapping[str, Any], where: str) -> str:
    body = {name: list(weights[name].shape) for name in weights if not name.startswith("fc.")}
    for architecture in LITES:
        own = build_lite(architecture, 2).state_dict()
        if body == {name: list(own[name].shape) for name in own if not name.startswith("fc.")}:
            return architecture
    raise _unknown(where)


def _unknown(where: str) -> WarmlensError:
    return WarmlensError(
        "unknown_architecture",
        f"{where}: the names of its tensors fit no known architecture; "
        f"allowed: {', '.join(ARCHITECTURES)}, with torchvision's names. {OTHER_NETWORKS}",
    )


def _small_cnn(class_count: int) -> Any:
    """Return a CNN with four stages of two 3 x 3 convolutions and 0.4 million parameters."""
    layers: list[Any] = []
    channels = 3
    for index, width in enumerate(SMALL_CNN_CHANNELS):
        for step in range(2 if index < 2 else 1):
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
            if step == 0:
                layers.append(nn.MaxPool2d(2))
    network = nn.Sequential()
    network.add_module("features", nn.Sequential(*layers))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    network.add_module("dropout", nn.Dropout(0.2))
    network.add_module("fc", nn.Linear(channels, class_count))
    return network
