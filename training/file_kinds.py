"""Kinds of files of weights, judged by their bytes and not by their names."""

import zipfile
from pathlib import Path
from typing import Literal

from warmlens.errors import WarmlensError

Kind = Literal["safetensors", "pickle", "program", "onnx"]

_BEGINNING_BYTES = 512
_LONGEST_HEADER_BYTES = 100_000_000  # of safetensors
# The fields of ONNX's ModelProto, one of which follows the IR version.
_AFTER_IR_VERSION = frozenset({0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0xA2})
_IR_VERSIONS = range(3, 64)
TO_ONNX = "export the network to ONNX with torch.onnx.export and import that file"
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89HDF", "an HDF5 file, such as those of Keras; convert it to ONNX with tf2onnx"),
    (4, b"TFL3", "a model of TensorFlow Lite; convert it to ONNX with tf2onnx"),
    (0, b"\x08\x01\x12", "a model of TensorFlow; convert it to ONNX with tf2onnx"),
    (0, b"GGUF", "a GGUF file, which has language models"),
    (0, b"\x93NUMPY", "an array of NumPy, not weights by name"),
    (0, b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (0, b"7z\xbc\xaf", "an archive of 7-Zip; unpack it first"),
    (0, b"BZh", "compressed with bzip2; unpack it first"),
    (0, b"\xfd7zXZ", "compressed with xz; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"),
    (257, b"ustar", "a tar archive; unpack it first"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the weights; run `git lfs pull`"),
)


def kind_of(path: Path) -> Kind:
    """Return the kind of a file of weights: `program` is TorchScript, `pickle` `torch.save`'s.

    Raises:
        WarmlensError: `weights_missing`, `unreadable_weights` when the file is empty or cannot be
            read, `bad_weights_type` when it is of another kind.
    """
    if path.is_dir():
        raise WarmlensError(
            "weights_missing", f"{path} is a folder; allowed: a file of weights, such as one in it."
        )
    if not path.is_file():
        raise WarmlensError("weights_missing", f"{path} is not a file; allowed: a file of weights.")
    try:
        with path.open("rb") as file:
            begin = file.read(_BEGINNING_BYTES)
    except OSError as error:
        raise WarmlensError("unreadable_weights", f"{path}: {error.strerror}.") from None
    if not begin:
        raise WarmlensError("unreadable_weights", f"{path} is damaged or incomplete: it is empty.")
    if begin.startswith(b"PK\x03\x04"):
        return _kind_of_archive(path)
    if begin[0] == 0x80 and len(begin) > 1 and begin[1] in range(2, 6):
        return "pickle"
    header = int.from_bytes(begin[:8], "little")
    if 0 < header < _LONGEST_HEADER_BYTES and begin[8:9] == b"{":
        return "safetensors"
    for offset, magic, what in _OTHERS:
        if begin[offset:].startswith(magic):
            raise _other(path, what)
    if _is_onnx(begin):
        return "onnx"
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        raise _other(path, "a page of a website or XML, not weights; download the file itself")
    if text.startswith((b"{", b"[")):
        raise _other(path, "JSON, such as the index of weights in several files, not weights")
    if path.suffix.lower() == ".onnx":
        return "onnx"  # its reader says what is wrong
    raise _other(path, "of no known kind")


def _kind_of_archive(path: Path) -> Kind:
    if not zipfile.is_zipfile(path):
        return "pickle"  # cut off, which its reader reports
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    ends = {name.rpartition("/")[2] for name in names}
    if "archive_format" in ends or "serialized_exported_program.json" in ends:
        raise _other(path, f"a program of torch.export; {TO_ONNX}")
    if "constants.pkl" in ends:
        return "program"
    if "data.pkl" in ends:
        return "pickle"
    if "model.weights.h5" in ends:
        raise _other(path, "a model of Keras; convert it to ONNX with tf2onnx")
    if ends and all(name.endswith(".npy") for name in ends):
        raise _other(path, f"an archive of NumPy arrays; {TO_ONNX}")
    raise _other(path, f"a ZIP archive of {len(names)} files; unpack it first")


def _is_onnx(begin: bytes) -> bool:
    return (
        len(begin) > 2
        and begin[0] == 0x08
        and begin[1] in _IR_VERSIONS
        and begin[2] in _AFTER_IR_VERSION
    )


def _other(path: Path, what: str) -> WarmlensError:
    return WarmlensError(
        "bad_weights_type",
        f"{path} is {what}; allowed: safetensors, files of torch.save, TorchScript programs and "
        "ONNX, under any name.",
    )
