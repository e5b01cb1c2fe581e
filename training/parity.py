"""Comparison of an exported model file with its PyTorch model."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.dataset import Photo
from training.folder_walk import IMAGE_SUFFIXES, walk_folder
from training.imagenet_classes import Classes
from training.model_file import Softmax, geometry_of, open_model_file
from training.model_packages import import_model_package
from training.pixels import Pixels, read_pixels, square
from training.temperature import softmax_node
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import InputSpec, Parity, RankedClass, SampleAnswer
from warmlens.registry.verify import sha256_of

RANDOM_IMAGES = 64
# From large soft areas to noise in every pixel.
RANDOM_GRIDS = (3, 6, 12, 24, 48, 256)
SOFTMAX_TOLERANCE = 1e-4
SOFTMAX_DECIMALS = 6
REFERENCE_BATCH = 25
MOST_PHOTOS = 200

torch: Any = import_model_package("torch")

Run = Callable[[Pixels], tuple[Softmax, Softmax | None]]


@dataclasses.dataclass(frozen=True)
class Reference:
    """A PyTorch classifier and its name in the manifest."""

    model: Any
    description: str


def preprocess(image: Image.Image, spec: InputSpec) -> Pixels:
    """Return the input of the model for an image, uint8 [height, width, 3]."""
    shorter = min(image.size)
    size = (
        image.width * spec.resize_shorter_side // shorter,
        image.height * spec.resize_shorter_side // shorter,
    )
    image = image.convert("RGB").resize(size, Image.Resampling[spec.interpolation.upper()])
    left, top = round((size[0] - spec.width) / 2), round((size[1] - spec.height) / 2)
    return np.asarray(image.crop((left, top, left + spec.width, top + spec.height)))


def reference_softmax(model: Any, pixels: Pixels, spec: InputSpec) -> Softmax:
    """Return the PyTorch model's softmax, float32 [class_count], for pixels of 0 to 255."""
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
    photos: Sequence[Path] = (),
) -> Parity:
    """Compare the softmax of both on photos and on seeded random images.

    Args:
        model_file: content of the exported file.
        reference: the PyTorch model.
        spec: input of both.
        samples: photos whose best classes go into the result.
        classes: ids and names of the classes.
        engine: runtime of the file, `onnxruntime` or `torch`.
        photos: the user's photos, prepared as the service does.

    Raises:
        WarmlensError: `unreadable_photo`.
    """
    file = open_model_file(engine, model_file, spec)
    differences, agreements, answers = [], [], []

    def compare(pixels: Pixels) -> Softmax:
        expected = reference_softmax(reference.model, pixels, spec)
        actual = file.softmax(pixels)
        differences.append(float(np.abs(actual - expected).max()))
        agreements.append(bool(actual.argmax() == expected.argmax()))
        return expected

    for path in samples:
        with Image.open(path) as photo:
            best = top5(compare(preprocess(photo, spec)), classes)
            answers.append(SampleAnswer(file=path.name, sha256=sha256_of(path), top5=best))
    for path in photos:
        compare(read_pixels(path, geometry_of(spec)))
    for image in random_images(RANDOM_IMAGES):
        compare(preprocess(image, spec))
    own = f"{len(photos)} photos of the user" if photos else f"{len(samples)} sample photos"
    if not photos and not samples:
        own = "no photos"
    return Parity(
        reference=reference.description,
        data=f"{own} and {RANDOM_IMAGES} random images (seed 0)",
        images=len(differences),
        max_abs_softmax_difference=float(f"{max(differences):.2g}"),
        tolerance=SOFTMAX_TOLERANCE,
        top1_agreement=sum(agreements) / len(agreements),
        samples=tuple(answers),
    )


def export_parity(
    model_file: bytes,
    reference: Reference,
    spec: InputSpec,
    photos: list[Photo],
    images: int,
    engine: str = "onnxruntime",
) -> Parity:
    """Compare logits, softmax and best class on photos and on seeded random images.

    Logits are compared with ONNX Runtime only; a TorchScript program does not return them.

    Args:
        model_file: content of the exported fp32 file.
        reference: the PyTorch network.
        spec: input of both.
        photos: photos to compare on.
        images: number of all images; random ones are added to the photos.
        engine: runtime of the file, `onnxruntime` or `torch`.
    """
    run = _softmax_and_logits(model_file, spec, engine)
    softmax_difference, logit_difference, agreed = 0.0, 0.0, 0
    pixels = [read_pixels(photo.path, square(spec.width)) for photo in photos]
    random = max(0, images - len(photos))
    pixels += [
        np.asarray(image.resize((spec.width, spec.height))) for image in random_images(random)
    ]
    for image, expected in zip(pixels, _logits(reference.model, pixels, spec), strict=True):
        softmax, logits = run(image)
        if logits is not None:
            logit_difference = max(logit_difference, float(np.abs(logits - expected).max()))
        right = np.exp(expected - expected.max())
        right /= right.sum()
        softmax_difference = max(softmax_difference, float(np.abs(softmax - right).max()))
        agreed += int(softmax.argmax() == expected.argmax())
    return Parity(
        reference=reference.description,
        data=f"{len(photos)} photos of the run's data, test before training, and {random} random "
        "images (seed 0)",
        images=len(pixels),
        max_abs_softmax_difference=float(f"{softmax_difference:.2g}"),
        tolerance=SOFTMAX_TOLERANCE,
        top1_agreement=agreed / len(pixels),
        samples=(),
        max_abs_logit_difference=None if engine == "torch" else float(f"{logit_difference:.2g}"),
    )


def photos_in(path: Path) -> list[Path]:
    """Return a photo, or up to `MOST_PHOTOS` photos evenly taken from a folder and those in it.

    Raises:
        WarmlensError: `no_images`, or what :func:`training.folder_walk.walk_folder` raises.
    """
    if path.is_file():
        return [path]
    branches = walk_folder(path)[0].walk() if path.is_dir() else ()
    found = sorted(photo for branch in branches for photo in branch.photos)
    if not found:
        raise WarmlensError(
            "no_images",
            f"{path} has no photos; allowed: a photo or a folder of them "
            f"({', '.join(sorted(IMAGE_SUFFIXES))}).",
        )
    step = -(-len(found) // MOST_PHOTOS)
    return found[::step]


def parity_failed(parity: Parity) -> WarmlensError:
    """Return the error for an exported file that differs from its PyTorch model."""
    return WarmlensError(
        "parity_failed",
        "The exported file does not answer as PyTorch does: softmax differs by up to "
        f"{parity.max_abs_softmax_difference:g} (allowed: {parity.tolerance:g}), and the best "
        f"class is the same on {parity.top1_agreement:.1%} of {parity.images} images.",
    )


def random_images(count: int) -> Iterator[Image.Image]:
    """Yield `count` images of 320 x 256 pixels: random colours on grids of several sizes."""
    generator = np.random.default_rng(0)
    for index in range(count):
        side = RANDOM_GRIDS[index % len(RANDOM_GRIDS)]
        grid = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        yield Image.fromarray(grid).resize((320, 256), Image.Resampling.BICUBIC)


def top5(softmax: npt.NDArray[np.floating], classes: Classes) -> tuple[RankedClass, ...]:
    """Return the five best classes of a softmax."""
    best = np.argsort(-softmax, kind="stable")[:5]
    return tuple(
        RankedClass(
            id=classes.ids[i],
            label=classes.labels[i],
            softmax=round(float(softmax[i]), SOFTMAX_DECIMALS),
        )
        for i in best
    )


def _softmax_and_logits(model_file: bytes, spec: InputSpec, engine: str) -> Run:
    if engine == "torch":
        program = open_model_file(engine, model_file, spec)
        return lambda image: (program.softmax(image), None)
    session, name = _session_with_logits(model_file)

    def run(image: Pixels) -> tuple[Softmax, Softmax]:
        softmax, logits = session.run(["softmax", name], {spec.name: image[np.newaxis]})
        return softmax[0], logits[0]

    return run


def _session_with_logits(model_file: bytes) -> tuple[Any, str]:
    """Load the graph with what goes into its softmax as a second output, and return its name."""
    onnx = import_model_package("onnx")
    proto = onnx.load_from_string(model_file)
    name = softmax_node(proto.graph, "softmax").input[0]
    logits = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
    proto.graph.output.append(logits)
    onnxruntime = import_model_package("onnxruntime")
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session, name


def _logits(network: Any, pixels: list[Pixels], spec: InputSpec) -> Iterator[Any]:
    """Yield the logits of each image, float64 [classes], computed in batches."""
    normal = spec.normalization
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normal.mean, normal.std))
    for start in range(0, len(pixels), REFERENCE_BATCH):
        batch = torch.tensor(np.stack(pixels[start : start + REFERENCE_BATCH]))
        with torch.inference_mode():
            images = batch.permute(0, 3, 1, 2).to(torch.float32)
            yield from network((images - mean) / std).numpy().astype(np.float64)
