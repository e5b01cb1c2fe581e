"""TorchScript programs from source text, with behaviour that depends on the pixels."""

from pathlib import Path
from typing import Any

from training.model_packages import import_model_package

torch: Any = import_model_package("torch")


def program_file(path: Path, source: str) -> Path:
    """Write a program with this method `forward`, and return its path."""
    module: Any = type("Program", (torch.jit.ScriptModule,), {})()
    module.define(f"{source}\n")
    torch.jit.save(module, path)
    return path
