"""TorchScript programs written down as text; what they do may depend on the pixels."""

from pathlib import Path
from typing import Any

from training.model_packages import import_model_package

torch: Any = import_model_package("torch")


def program_file(path: Path, source: str) -> Path:
    """Write the program whose method `forward` this is, and return the path."""
    module: Any = type("Program", (torch.jit.ScriptModule,), {})()
    module.define(f"{source}\n")
    torch.jit.save(module, path)
    return path
