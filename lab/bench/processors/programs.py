"""Programs that the benchmarks of processors need, and libraries compiled with one of them."""

import shutil
import subprocess
from pathlib import Path

from warmlens.errors import WarmlensError

COMPILER, DISASSEMBLER = "cc", "objdump"


def program(name: str) -> str:
    """Return the path of a program.

    Raises:
        WarmlensError: ``program_missing``.
    """
    found = shutil.which(name)
    if found is None:
        why = f"{name} is not installed: sudo apt install gcc binutils qemu-user"
        raise WarmlensError("program_missing", why)
    return found


def shared_library(name: str, folder: Path) -> Path:
    """Compile a file of this package into a shared library.

    Args:
        name: the file's name without `.c`.
        folder: folder for the library.
    """
    source, library = Path(__file__).parent / f"{name}.c", folder / f"{name}.so"
    compiler = program(COMPILER)
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    return library
