"""Export of PyTorch classifiers to TorchScript, and loading of TorchScript programs.

Input and output are those of the ONNX file: pixels of an image in, softmax out. It is for models
that do not export to ONNX; all others load and answer faster with ONNX Runtime.
"""

import copy
import io
import re
import warnings
from pathlib import Path
from typing import Any

from training.model_packages import import_model_package
from training.onnx_export import GraphSpec
from warmlens.errors import WarmlensError

PROGRAM_FILE = "model.pt"
# Members that PyTorch's writer adds to an archive.
_OF_THE_WRITER = ("version", "byteorder", ".data/serialization_id")
_PROBES = 8
_TOLERANCE = 0.01  # of half precision
_NUMBERED = re.compile(rb"___torch_mangle_(\d+)")


def export_program(model: Any, spec: GraphSpec) -> bytes:
    """Export a torch module, float32 [1, 3, height, width] to logits, as a TorchScript program.

    The module is traced: parts that branch on pixel values must be scripted. Weights become
    constants, and batch normalisation is folded into the convolutions. The same weights and package
    versions give the same bytes.

    Raises:
        WarmlensError: `package_missing`, or `not_exported` when the module cannot be traced.
    """
    torch = import_model_package("torch")
    # The order of the input's pixels, in which a ResNet50 is a quarter faster.
    inner = copy.deepcopy(model).cpu().to(memory_format=torch.channels_last)
    network = torch.nn.Sequential(inner).eval()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))

    def normalized(_: Any, arguments: tuple[Any]) -> Any:
        return (arguments[0].permute(0, 3, 1, 2).to(torch.float32) - mean) / std

    network.register_forward_pre_hook(normalized)
    network.register_forward_hook(lambda _, __, logits: torch.softmax(logits, dim=1))
    pixels = torch.zeros(1, spec.height, spec.width, 3, dtype=torch.uint8)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", DeprecationWarning)  # decision 35
        try:
            traced = torch.jit.trace(network, pixels, check_trace=False)
            torch.jit.save(torch.jit.freeze(traced), buffer)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise WarmlensError(
                "not_exported", f"The model cannot be exported to TorchScript: {reason}"
            ) from None
    return reproducible(torch, buffer.getvalue())


def load_program(path: Path) -> Any:
    """Load a TorchScript program, ready to infer.

    Raises:
        WarmlensError: `bad_program`, `package_missing`.
    """
    torch = import_model_package("torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # decision 35
            return torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WarmlensError("bad_program", f"{path} cannot be loaded: {reason}") from None


def class_count_of_program(program: Any, size: int, where: str) -> int:
    """Return the number of logits of a program for a black image of `size` x `size` pixels.

    Raises:
        WarmlensError: `bad_program` when it does not take such an image, or returns something else.
    """
    torch = import_model_package("torch")
    try:
        with torch.inference_mode():
            logits = program(torch.zeros(1, 3, size, size))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise WarmlensError(
            "bad_program", f"{where} does not run on an image of {size} x {size} pixels: {reason}"
        ) from None
    shape = list(getattr(logits, "shape", []))
    if len(shape) != 2 or shape[0] != 1:
        raise WarmlensError(
            "bad_program", f"{where} does not give logits [1, classes] for an image; shape: {shape}"
        )
    return int(shape[1])


def require_logits(program: Any, size: int, where: str) -> None:
    """Check that a program returns logits, since the export applies a softmax to them.

    A softmax of probabilities keeps the order of classes but makes all nearly as likely, so that no
    threshold fits any more.

    Args:
        program: the program.
        size: side of its input in pixels.
        where: name of the program in messages.

    Raises:
        WarmlensError: `not_finite`, or `not_logits`: on random images all its outputs are at least
            0 and sum to 1 or 100, as those of a softmax, or lie between 0 and 1, as those of a
            sigmoid.
    """
    torch = import_model_package("torch")
    generator = torch.Generator().manual_seed(0)
    spread = torch.linspace(0.3, 3, _PROBES).view(-1, 1, 1, 1)
    images = torch.randn(_PROBES, 3, size, size, generator=generator) * spread
    with torch.inference_mode():
        outputs = torch.cat([program(image.unsqueeze(0)) for image in images]).double()
    if not torch.isfinite(outputs).all():
        raise WarmlensError(
            "not_finite",
            f"{where} gives NaN or infinity for images, as after a training that diverged; give an "
            "earlier one.",
        )
    sums = outputs.sum(1)
    if outputs.min() < 0 or sums.max() <= 0:
        return
    if any((sums / whole - 1).abs().max() < _TOLERANCE for whole in (1, 100)):
        found = f"probabilities of a softmax (they sum to {sums.mean():.0f})"
    elif outputs.max() <= 1:
        found = "probabilities of a sigmoid (all are between 0 and 1)"
    else:
        return
    raise WarmlensError(
        "not_logits",
        f"{where} returns {found}, not logits: the softmax of the service would be applied to "
        "them. Save it without its last layer, which computes them.",
    )


def reproducible(torch: Any, program: bytes) -> bytes:
    """Remove the machine's names, and number types from 0."""
    reader = torch._C.PyTorchFileReader(io.BytesIO(program))
    names = [name for name in reader.get_all_records() if not name.endswith(".debug_pkl")]
    records = {name: reader.get_record(name) for name in names if name not in _OF_THE_WRITER}
    described = {
        name: data for name, data in records.items() if name.endswith(".pkl") or "code/" in name
    }
    text = b" ".join([*described.values(), *(name.encode() for name in described)])
    numbers = sorted({int(number) for number in _NUMBERED.findall(text)})

    def renumbered(raw: bytes) -> bytes:
        return _NUMBERED.sub(
            lambda match: b"___torch_mangle_%d" % numbers.index(int(match[1])), raw
        )

    buffer = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(buffer)
    for name, data in records.items():
        if name in described:
            name, data = renumbered(name.encode()).decode(), renumbered(data)
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    return buffer.getvalue()
