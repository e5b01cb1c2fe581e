"""Compares an exported model file, run by its engine, with the PyTorch model it came from."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.imagenet_classes import Classes
from training.model_file import Softmax, open_model_file
from training.model_packages import import_model_package
from warmlens.registry.manifest import InputSpec, Parity, RankedClass, SampleAnswer
from warmlens.registry.verify import sha256_of

RANDOM_IMAGES = 64
# From large soft blobs to noise in every pixel.
RANDOM_GRIDS = (3, 6, 12, 24, 48, 256)
SOFTMAX_TOLERANCE = 1e-4
SOFTMAX_DECIMALS = 6

Pixels = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Reference:
    """A PyTorch classifier and the words that name it in the manifest."""

    model: Any
    description: str


def preprocess(image: Image.Image, spec: InputSpec) -> Pixels:
    """Return the uint8 [height, width, 3] pixels that the model sees of ``image``."""
    shorter = min(image.size)
    size = (
        image.width * spec.resize_shorter_side // shorter,
        image.height * spec.resize_shorter_side // shorter,
    )
    image = image.convert("RGB").resize(size, Image.Resampling[spec.interpolation.upper()])
    left, top = round((size[0] - spec.width) / 2), round((size[1] - spec.height) / 2)
    return np.asarray(image.crop((left, top, left + spec.width, top + spec.height)))


def reference_softmax(model: Any, pixels: Pixels, spec: InputSpec) -> Softmax:
    """Return float32 [class_count] of the PyTorch model, normalised and softmaxed outside of it."""
    torch = import_model_package("torch")
    normal = spec.normalization
    batch = torch.tensor(pixels).permute(2, 0, 1).unsqueeze(0).to(torch.float32)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normal.mean, normal.std))
    with torch.inference_mode():
        answer: Softmax = torch.softmax(model((batch - mean) / std), dim=1)[0].numpy()
    return answer


def measure_parity(
    model_file: bytes,
    reference: Reference,
    spec: InputSpec,
    samples: list[Path],
    classes: Classes,
    engine: str = "onnxruntime",
) -> Parity:
    """Run both on the sample photos and on seeded random images, and compare every softmax."""
    file = open_model_file(engine, model_file, spec)
    differences, agreements, answers = [], [], []

    def compare(image: Image.Image) -> Softmax:
        pixels = preprocess(image, spec)
        expected = reference_softmax(reference.model, pixels, spec)
        actual = file.softmax(pixels)
        differences.append(float(np.abs(actual - expected).max()))
        agreements.append(bool(actual.argmax() == expected.argmax()))
        return expected

    for path in samples:
        with Image.open(path) as photo:
            top5 = _top5(compare(photo), classes)
            answers.append(SampleAnswer(file=path.name, sha256=sha256_of(path), top5=top5))
    for image in random_images(RANDOM_IMAGES):
        compare(image)
    return Parity(
        reference=reference.description,
        data=f"{len(samples)} sample photos and {RANDOM_IMAGES} random images (seed 0)",
        images=len(differences),
        max_abs_softmax_difference=float(f"{max(differences):.2g}"),
        tolerance=SOFTMAX_TOLERANCE,
        top1_agreement=sum(agreements) / len(agreements),
        samples=tuple(answers),
    )


def random_images(count: int) -> Iterator[Image.Image]:
    """Yield ``count`` images of 320 x 256 pixels: random colours on grids of several sizes."""
    generator = np.random.default_rng(0)
    for index in range(count):
        side = RANDOM_GRIDS[index % len(RANDOM_GRIDS)]
        grid = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        yield Image.fromarray(grid).resize((320, 256), Image.Resampling.BICUBIC)


def _top5(softmax: Softmax, classes: Classes) -> tuple[RankedClass, ...]:
    best = np.argsort(-softmax, kind="stable")[:5]
    return tuple(
        RankedClass(
            id=classes.ids[i],
            label=classes.labels[i],
            softmax=round(float(softmax[i]), SOFTMAX_DECIMALS),
        )
        for i in best
    )
