"""Shell completion of values: environments, models, versions, memory sizes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import typer

from warmlens.paths import MODEL_ARTIFACTS, ROOT


def environments() -> list[str]:
    """Return the names of the environments in environments.py, and `local`."""
    try:
        tree = ast.parse((ROOT / "environments.py").read_bytes())
    except (OSError, SyntaxError, ValueError):  # ValueError: null bytes, before Python 3.12
        return ["local"]
    named = [
        keyword.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "env_name"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    ]
    return [*named, "local"]


def model_names(context: typer.Context) -> list[str]:
    """Return the names of the models in the folder of model versions."""
    return sorted({name for name, _ in _versions(context)})


def model_versions(context: typer.Context) -> list[str]:
    """Return the versions of the model on the command line."""
    chosen = context.params.get("name")
    return sorted({version for name, version in _versions(context) if name == chosen})


def models(context: typer.Context) -> list[str]:
    """Return each model as NAME and as NAME@VERSION."""
    pairs = sorted(_versions(context))
    return sorted({name for name, _ in pairs}) + [f"{name}@{version}" for name, version in pairs]


def memory_sizes() -> list[str]:
    """Return the memory sizes in MB that the planner has measurements for."""
    from warmlens.planner.service_times import SERVICE_TIMES, read_measured

    sizes = {measured.memory_mb for measured in read_measured([SERVICE_TIMES])}
    return [str(size) for size in sorted(sizes)]


def _versions(context: typer.Context) -> Iterator[tuple[str, str]]:
    folder = Path(context.params.get("models") or MODEL_ARTIFACTS)
    for manifest in folder.glob("*/*/manifest.json"):
        yield manifest.parent.parent.name, manifest.parent.name
