"""Compares an fp32 export with its PyTorch network: logits, softmax and best class."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from training.folder import Photo
from training.model_file import Softmax, open_model_file
from training.model_packages import import_model_package
from training.parity import SOFTMAX_TOLERANCE, Reference, random_images
from training.pixels import Pixels, read_pixels, square
from warmlens.registry.manifest import InputSpec, Parity

torch: Any = import_model_package("torch")

REFERENCE_BATCH = 25

Run = Callable[[Pixels], tuple[Softmax, Softmax | None]]


def export_parity(
    model_file: bytes,
    reference: Reference,
    spec: InputSpec,
    photos: list[Photo],
    images: int,
    engine: str = "onnxruntime",
) -> Parity:
    """Run both on ``photos``, and on seeded random images up to ``images`` in all.

    Logits are compared where the engine can give them, which PyTorch cannot.
    """
    run = _softmax_and_logits(model_file, spec, engine)
    softmax_gap, logit_gap, agreed = 0.0, 0.0, 0
    pixels = [read_pixels(photo.path, square(spec.width)) for photo in photos]
    random = max(0, images - len(photos))
    pixels += [
        np.asarray(image.resize((spec.width, spec.height))) for image in random_images(random)
    ]
    for image, expected in zip(pixels, _logits(reference.model, pixels, spec), strict=True):
        softmax, logits = run(image)
        if logits is not None:
            logit_gap = max(logit_gap, float(np.abs(logits - expected).max()))
        right = np.exp(expected - expected.max())
        right /= right.sum()
        softmax_gap = max(softmax_gap, float(np.abs(softmax - right).max()))
        agreed += int(softmax.argmax() == expected.argmax())
    return Parity(
        reference=reference.description,
        data=f"{len(photos)} photos of the run's data, test before training, and {random} random "
        "images (seed 0)",
        images=len(pixels),
        max_abs_softmax_difference=float(f"{softmax_gap:.2g}"),
        tolerance=SOFTMAX_TOLERANCE,
        top1_agreement=agreed / len(pixels),
        samples=(),
        max_abs_logit_difference=None if engine == "torch" else float(f"{logit_gap:.2g}"),
    )


def _softmax_and_logits(model_file: bytes, spec: InputSpec, engine: str) -> Run:
    if engine == "torch":
        program = open_model_file(engine, model_file, spec)
        return lambda image: (program.softmax(image), None)
    session = _session_with_logits(model_file)

    def run(image: Pixels) -> tuple[Softmax, Softmax]:
        softmax, logits = session.run(["softmax", "logits"], {spec.name: image[np.newaxis]})
        return softmax[0], logits[0]

    return run


def _session_with_logits(model_file: bytes) -> Any:
    """Load the graph with what goes into its softmax as a second output."""
    onnx = import_model_package("onnx")
    proto = onnx.load_from_string(model_file)
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)
    proto.graph.output.append(logits)
    onnxruntime = import_model_package("onnxruntime")
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def _logits(network: Any, pixels: list[Pixels], spec: InputSpec) -> Iterator[Any]:
    """Yield float64 [classes] of each image; several at a time, which PyTorch is faster at."""
    normal = spec.normalization
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normal.mean, normal.std))
    for start in range(0, len(pixels), REFERENCE_BATCH):
        batch = torch.tensor(np.stack(pixels[start : start + REFERENCE_BATCH]))
        with torch.inference_mode():
            images = batch.permute(0, 3, 1, 2).to(torch.float32)
            yield from network((images - mean) / std).numpy().astype(np.float64)
