"""AVX-512 hidden from ONNX Runtime, so that it chooses its code for AVX2 on this very machine.

The library asks the processor by `cpuid`, which a program cannot intercept where the kernel does
not let it fault. So each `cpuid` of a copy of the library is replaced by `ud2`, as long and always
an error, and a preloaded handler of that error answers in place of the processor.
"""

import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.bench.processors.programs import COMPILER, DISASSEMBLER, program, shared_library
from warmlens.errors import WarmlensError
from warmlens.records import machine

CPUID, UD2 = b"\x0f\xa2", b"\x0f\x0b"
_LOADED = 1  # type of an ELF segment


@dataclass(frozen=True)
class Hiding:
    """A copy of the library, and what answers in place of the processor.

    Attributes:
        packages: folder with the copy, to stand before all others in the path of modules.
        handler: library to preload.
    """

    packages: Path
    handler: Path

    def environment(self, *, hides: bool) -> dict[str, str]:
        """Return variables of a process that sees AVX-512 or not, everything else alike."""
        return {"LD_PRELOAD": str(self.handler), "HIDE_AVX512": "1" if hides else "0"}


def require_avx512() -> None:
    """Check that this machine has something to hide, and the programs that it takes.

    Raises:
        WarmlensError: ``no_avx512`` or ``program_missing``.
    """
    cpuinfo = Path("/proc/cpuinfo")
    flags = set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.exists() else set()
    if "avx512_vnni" not in flags:
        why = "has no AVX-512 with VNNI, or is no Linux: run this on a machine that has"
        raise WarmlensError("no_avx512", f"{machine()} {why}")
    for name in (COMPILER, DISASSEMBLER):
        program(name)


def hiding(library: Path, folder: Path) -> Hiding:
    """Return a copy of ONNX Runtime's library from which AVX-512 can be hidden.

    Args:
        library: the library.
        folder: an empty folder for the copy.
    """
    handler = shared_library("answer_cpuid", folder)
    copy = folder / "packages" / "onnxruntime" / "capi" / library.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(without_cpuid(library))
    return Hiding(copy.parents[2], handler)


def without_cpuid(library: Path) -> bytes:
    """Return a library with each instruction `cpuid` replaced by `ud2`.

    Its bytes are in other instructions and in data, too, so a disassembler finds the instructions.
    """
    listing = subprocess.run(
        [program(DISASSEMBLER), "--disassemble", "--no-show-raw-insn", library],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout
    content = bytearray(library.read_bytes())
    segments = list(_segments(content))
    for found in re.findall(r"^\s*([0-9a-f]+):\s+cpuid", listing, re.MULTILINE):
        address = int(found, 16)
        (at,) = (
            address - begin + at for begin, at, size in segments if 0 <= address - begin < size
        )
        assert content[at : at + 2] == CPUID
        content[at : at + 2] = UD2
    return bytes(content)


def _segments(content: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Return address, place in the file and size of each loaded segment (ELF-64, `elf(5)`)."""
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    segments = []
    for number in range(count):
        kind, _, at, address, _, length = struct.unpack_from(
            "<IIQQQQ", content, headers + number * size
        )
        if kind == _LOADED:
            segments.append((address, at, length))
    return segments
