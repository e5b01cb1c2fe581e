"""Loading of checkpoints without running code in them.

A pickle may have tensors, plain values, and a few harmless types that training programs put beside
them.
"""

import argparse
import collections
import pathlib
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from training.file_kinds import kind_of
from training.model_packages import import_model_package
from warmlens.console import printable
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

_GLOBAL = re.compile(r"GLOBAL (\S+)")


def load_document(path: Path) -> Any:
    """Read all of a file: tensors by name from safetensors, any plain values from a pickle.

    Raises:
        WarmlensError: what :func:`training.file_kinds.kind_of` and :func:`load_pickle` raise,
            or `bad_weights_type` for other kinds of models.
    """
    kind = kind_of(path)
    if kind == "pickle":
        return load_pickle(path)
    if kind != "safetensors":
        raise WarmlensError(
            "bad_weights_type",
            f"{path} is {'ONNX' if kind == 'onnx' else 'a TorchScript program'}, which has no "
            "weights to start from; allowed: safetensors and files of torch.save.",
        )
    safetensors = import_model_package("safetensors.torch")
    try:
        return safetensors.load_file(path)
    except Exception as error:  # SafetensorError on content, OSError on reading
        raise _unreadable(path, error) from None


def load_pickle(path: Path) -> Any:
    """Read a file of `torch.save` that has only tensors, plain values, and a few harmless types.

    Raises:
        WarmlensError: `unsafe_pickle` when the file holds anything else,
            `unreadable_weights` when it is damaged.
    """
    try:
        # Opened here: torch.load would take a name that ends in .safetensors for that format.
        with (
            warnings.catch_warnings(),
            torch.serialization.safe_globals(_harmless()),
            path.open("rb") as file,
        ):
            warnings.simplefilter("ignore")  # of later protocols of pickle
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported" not in str(error):
            raise _unreadable(path, error) from None
        if "nsupported operand" in str(error):
            raise WarmlensError(
                "unsafe_pickle",
                f"{path} is a pickle of protocol 4 or later, as pickle.dump or torch.save with "
                "pickle_protocol=4 write it, which cannot be read without running code; save it "
                "again in the program that made it, without that option: "
                "torch.save(network.state_dict(), path).",
            ) from None
        match = _GLOBAL.search(str(error))
        what = f" (it names {printable(match[1].rstrip('.'))})" if match else ""
        raise WarmlensError(
            "unsafe_pickle",
            f"{path} would import or run code when read{what}, so it was not read; allowed: "
            "tensors and plain values. Save the weights alone in the program that made it: "
            "torch.save(network.state_dict(), path), or, from a checkpoint that you trust, "
            'torch.save(torch.load(path, weights_only=False)["state_dict"], new_path).',
        ) from None
    except Exception as error:  # RuntimeError, EOFError and others on damaged files
        raise _unreadable(path, error) from None


def _harmless() -> list[Any]:
    """Return types beside weights that hold values and do nothing: options, paths, numbers."""
    scalar = np.float64(0).__reduce__()[0]
    reconstruct = np.zeros(1).__reduce__()[0]
    types: list[Any] = [argparse.Namespace, collections.defaultdict, list, set, dict, int, float]
    types += [np.dtype, np.ndarray, *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdUS"}]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        types += [(scalar, f"{module}.scalar"), (reconstruct, f"{module}._reconstruct")]
    # A path of Windows does not exist elsewhere.
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        pure = pathlib.PureWindowsPath if "Windows" in name else pathlib.PurePosixPath
        types += [(pure, f"pathlib.{name}"), (pure, f"pathlib._local.{name}")]
    for package in ("lightning", "pytorch_lightning"):
        types.append((_Attributes, f"{package}.utilities.parsing.AttributeDict"))
        types.append((_Attributes, f"{package}.fabric.utilities.data.AttributeDict"))
    types.append((_Attributes, "lightning_fabric.utilities.data.AttributeDict"))
    return types


class _Attributes(dict[str, Any]):
    """Lightning's dict of hyperparameters, where Lightning is not installed."""


def _unreadable(path: Path, error: Exception) -> WarmlensError:
    reason = str(error).split("\n", 1)[0].rstrip(".") or type(error).__name__
    if "magic number" in reason or "pickle protocol" in reason:
        reason = "it is a pickle that torch.save did not write, or a part of one"
    return WarmlensError("unreadable_weights", f"{path} is damaged or incomplete: {reason}.")
