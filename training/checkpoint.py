"""The state of a run on disk, from which it goes on after being killed at any moment."""

import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.model_packages import import_model_package
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
safetensors: Any = (
    import_model_package("safetensors"),
    import_model_package("safetensors.torch"),
)[1]


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file that takes the place of ``path`` in one step, when complete."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        part = Path(folder) / path.name
        write(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, texts, lists and dicts of these)."""
    write_whole(path, lambda part: torch.save(state, part))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        WarmlensError: what :func:`load_pickle` raises.
    """
    state: dict[str, Any] = load_pickle(path)
    return state


def save_weights(path: Path, weights: dict[str, Any]) -> None:
    """Write tensors by name as safetensors."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_whole(path, lambda part: safetensors.save_file(plain, part))


def load_weights_file(path: Path) -> dict[str, Any]:
    """Read tensors by name from a ``.safetensors``, ``.pt`` or ``.pth`` file.

    A file that wraps them under ``state_dict`` or ``model``, or names them ``module.*``, is read
    as well. Nothing in the file is run.

    Raises:
        WarmlensError: ``weights_missing``, ``bad_weights_type``, ``not_weights``, or what
            :func:`load_pickle` raises.
    """
    if not path.is_file():
        raise WarmlensError("weights_missing", f"{path} is not a file; allowed: a file of weights.")
    if path.suffix == ".safetensors":
        try:
            document: Any = safetensors.load_file(path)
        except Exception as error:  # SafetensorError on content, OSError on reading
            raise _unreadable(path, error) from None
    elif path.suffix in (".pt", ".pth"):
        document = load_pickle(path)
    else:
        raise WarmlensError(
            "bad_weights_type", f"{path} ends in {path.suffix}; allowed: .safetensors, .pt, .pth."
        )
    for wrapper in ("state_dict", "model"):
        if isinstance(document, dict) and isinstance(document.get(wrapper), dict):
            document = document[wrapper]
    if not isinstance(document, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in document.items()
    ):
        raise WarmlensError("not_weights", f"{path} holds something else than tensors by name.")
    return {name.removeprefix("module."): tensor for name, tensor in document.items()}


def load_pickle(path: Path) -> Any:
    """Read a file of ``torch.save`` that holds tensors and plain values, and nothing that runs.

    Raises:
        WarmlensError: ``unsafe_pickle`` when the file asks for anything else,
            ``unreadable_weights`` when it is damaged.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported" not in str(error):
            raise _unreadable(path, error) from None
        raise WarmlensError(
            "unsafe_pickle",
            f"{path} asks to import or run code when it is read, so it was not read; allowed: "
            "tensors and plain values. Save the weights alone: "
            "torch.save(network.state_dict(), path), or as safetensors.",
        ) from None
    except Exception as error:  # RuntimeError, EOFError and others on damaged files
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> WarmlensError:
    reason = str(error).split("\n", 1)[0].rstrip(".") or type(error).__name__
    return WarmlensError("unreadable_weights", f"{path} is damaged or incomplete: {reason}.")
