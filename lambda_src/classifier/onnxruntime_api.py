"""ctypes bindings to the ONNX Runtime C API, for the functions that the engine uses.

The Python package would import NumPy, which takes longer than all other imports together.
Source: `onnxruntime_c_api.h`. The table of functions only grows at its end, so the indexes below
are valid for all later versions.
"""

import ctypes
import os
import sys
from collections.abc import Iterator

from .errors import EngineError, ModelError

API_VERSION = 23
"""Version of the function table; every library from ONNX Runtime 1.23 on has it."""

UINT8, FLOAT = 2, 1  # ONNXTensorElementDataType
LOG_ERROR = 3
OPTIMIZE_NOTHING = 0  # GraphOptimizationLevel: ORT_DISABLE_ALL
DEVICE_ALLOCATOR, DEFAULT_MEMORY = 0, 0  # OrtAllocatorType, OrtMemType

_INDEXES = {
    "GetErrorMessage": 2,
    "CreateEnv": 3,
    "CreateSession": 7,
    "Run": 9,
    "CreateSessionOptions": 10,
    "SetSessionGraphOptimizationLevel": 23,
    "SetIntraOpNumThreads": 24,
    "SetInterOpNumThreads": 25,
    "CreateTensorWithDataAsOrtValue": 49,
    "GetTensorMutableData": 51,
    "GetTensorElementType": 60,
    "GetTensorShapeElementCount": 64,
    "GetTensorTypeAndShape": 65,
    "CreateCpuMemoryInfo": 69,
    "ReleaseStatus": 93,
    "ReleaseSession": 95,
    "ReleaseValue": 96,
    "ReleaseTensorTypeAndShapeInfo": 99,
    "ReleaseSessionOptions": 100,
    "AddSessionConfigEntry": 130,
}


class OnnxRuntimeError(EngineError):
    """A call of ONNX Runtime failed; the message is ONNX Runtime's."""


class OnnxRuntimeApi:
    """The functions of the loaded library.

    Raises:
        ModelError: the library is missing, does not load, or is too old.
    """

    def __init__(self) -> None:
        try:
            base = ctypes.CDLL(_library_path()).OrtGetApiBase
        except (OSError, AttributeError) as error:
            raise ModelError(f"ONNX Runtime does not load: {error}") from error
        base.restype = ctypes.POINTER(ctypes.c_void_p)
        get_api = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint32)(base()[0])
        self._table = get_api(API_VERSION)
        if not self._table:
            raise ModelError(f"this ONNX Runtime lacks version {API_VERSION} of its interface")
        self._message = self._function("GetErrorMessage", ctypes.c_char_p)
        self._release_status = self._function("ReleaseStatus", None)

    def call(self, name: str, *arguments: object) -> None:
        """Call a function that returns a status.

        Args:
            name: the function's name in the C API.
            arguments: ctypes values; `bytes` are passed as a C string.

        Raises:
            OnnxRuntimeError: the status is an error.
        """
        status = self._function(name, ctypes.c_void_p)(*arguments)
        if status is not None:
            message: bytes = self._message(ctypes.c_void_p(status))
            text = message.decode(errors="replace")
            self._release_status(ctypes.c_void_p(status))
            raise OnnxRuntimeError(text)

    def create(self, name: str, *arguments: object) -> ctypes.c_void_p:
        """Call a function that creates an object and return the object, its last argument.

        Args:
            name: the function's name in the C API.
            arguments: all arguments but the last one.

        Raises:
            OnnxRuntimeError: the status is an error.
        """
        created = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(created))
        return created

    def release(self, name: str, created: ctypes.c_void_p) -> None:
        """Free an object that `create` returned, with the function `name`."""
        self._function(name, None)(created)

    def _function(self, name: str, result: type | None) -> "ctypes._FuncPointer":
        return ctypes.CFUNCTYPE(result)(self._table[_INDEXES[name]])


def _library_path() -> str:
    for folder in sys.path:
        for path in _libraries(os.path.join(folder, "onnxruntime", "capi")):
            return path
    raise ModelError(
        "ONNX Runtime is not in this function's image; deploy it with the setting "
        "engine = 'onnxruntime'"
    )


def _libraries(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith("libonnxruntime."):
            yield os.path.join(folder, name)
