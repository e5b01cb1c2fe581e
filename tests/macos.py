"""Names of the standard library that Linux has and macOS lacks, from typeshed."""

import ast
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import mypy

MODULES = ("os", "signal", "socket", "select", "fcntl", "resource", "time", "mmap", "errno")
_STUBS = Path(mypy.__file__).parent / "typeshed" / "stdlib"


@cache
def names_macos_lacks() -> dict[str, frozenset[str]]:
    """Return the names of each module that its stub has for Linux and not for macOS."""
    return {
        name: frozenset(_names(name, "linux")) - frozenset(_names(name, "darwin"))
        for name in MODULES
    }


def site_without_linux_names(folder: Path) -> dict[str, str]:
    """Return environment variables with which every Python program lacks those names.

    Those of `socket` stay, as psutil for Linux needs them.

    Args:
        folder: an empty folder for its sitecustomize.py.
    """
    lacking = {name: sorted(names) for name, names in names_macos_lacks().items()}
    del lacking["socket"]
    code = f"""
import importlib
for name, names in {lacking!r}.items():
    module = importlib.import_module(name)
    for each in names:
        if hasattr(module, each):
            delattr(module, each)
"""
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder)}


def _names(module: str, platform: str) -> Iterator[str]:
    file = _STUBS / f"{module}.pyi"
    file = file if file.exists() else _STUBS / module / "__init__.pyi"
    yield from _defined(ast.parse(file.read_text(encoding="utf-8")).body, platform)


def _defined(body: list[ast.stmt], platform: str) -> Iterator[str]:
    for node in body:
        match node:
            case ast.If():
                yield from _defined(
                    node.body if _holds(node.test, platform) else node.orelse, platform
                )
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case ast.ImportFrom(module=source):
                for alias in node.names:
                    if alias.name != "*":
                        yield alias.asname or alias.name
                    elif source:  # such as `from _socket import *`
                        yield from _names(source.replace(".", "/"), platform)
            case _:
                pass


def _holds(test: ast.expr, platform: str) -> bool:
    seen = {"sys": SimpleNamespace(platform=platform, version_info=sys.version_info)}
    return bool(eval(compile(ast.Expression(test), "stub", "eval"), seen))
