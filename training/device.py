"""Choice of the device and the numeric precision of a run."""

import ctypes
import sys
from typing import Any, Literal

from training.config import Precision
from training.model_packages import import_model_package
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2
"""Options of mallopt (glibc's malloc.h; mallopt(3))."""


def pick_device() -> Any:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_precision(asked: Precision | Literal["auto"], device: Any) -> Precision:
    """Return the requested precision, or for `auto` the fastest one of the device.

    On a CPU with bf16 instructions autocast is 1 to 1.8 times as fast as fp32 (a Xeon with AVX-512
    BF16 and an EPYC), given images in channels-last order. Without them, bf16 is emulated and
    slower.

    Raises:
        WarmlensError: `bad_setting` for fp16 on a CPU.
    """
    if asked == "fp16" and device.type == "cpu":
        raise WarmlensError("bad_setting", "precision is fp16 on a CPU; allowed: auto, fp32, bf16.")
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if has_bf16 else "fp32"


def autocast(device: Any, precision: Precision) -> Any:
    """Return the autocast context for forward passes."""
    kinds = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.autocast(device.type, kinds[precision], enabled=precision != "fp32")


def keep_freed_memory() -> None:
    """Let the C library keep what tensors free, for the tensors of the next step.

    By default glibc returns a large block to the kernel, which fills it with zeros when the next
    step asks for it again: a tenth of a step's time at 96 pixels (decision 144). It then holds up
    to 2 GB more. Other C libraries are left as they are.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_MMAP_MAX, 0)
        set_option(_TRIM_THRESHOLD, 2**31 - 1)
        set_option(_TOP_PAD, 2**26)
