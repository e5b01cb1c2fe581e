"""The ONNX Runtime engine, which runs a model's graph on the CPU."""

import ctypes
import os
from array import array

from .errors import ModelError
from .manifest import Manifest
from .onnxruntime_api import (
    DEFAULT_MEMORY,
    DEVICE_ALLOCATOR,
    FLOAT,
    LOG_ERROR,
    OPTIMIZE_NOTHING,
    UINT8,
    OnnxRuntimeApi,
    OnnxRuntimeError,
)

_ELEMENTS = {"f": FLOAT, "B": UINT8}  # by the type code of the module array


class Runtime:
    """The loaded ONNX Runtime library, with telemetry off.

    Raises:
        ModelError: the library is missing, does not load or start, or is too old.
    """

    def __init__(self) -> None:
        # Read by CreateEnv; otherwise the library stores an id and a queue on disk and sends events
        # to Microsoft. Source: microsoft/onnxruntime, pull request 27379.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        self.api = OnnxRuntimeApi()
        # Both live until the process ends; the environment registers operators and has the logger.
        try:
            self.environment = self.api.create("CreateEnv", LOG_ERROR, b"classifier")
            self.memory = self.api.create("CreateCpuMemoryInfo", DEVICE_ALLOCATOR, DEFAULT_MEMORY)
        except OnnxRuntimeError as error:
            raise ModelError(f"ONNX Runtime does not start: {error}") from error

    def open(self, path: str, manifest: Manifest, *, threads: int) -> "Engine":
        """Load the graph that the manifest describes, as `Engine`."""
        return Engine(self, path, manifest, threads=threads)


class Engine:
    """A loaded graph: takes pixels, returns the softmax over all classes.

    Args:
        runtime: the runtime that loads it.
        path: an ONNX file whose input is uint8 (1, height, width, 3) RGB and whose output is
            float32 (1, classes); normalisation and softmax are part of the graph. Weights in
            a file beside it are mapped, not copied.
        manifest: the manifest that describes it. A graph that was optimized at export is run as it
            is.
        threads: number of compute threads.

    Raises:
        ModelError: ONNX Runtime cannot load the graph.
    """

    def __init__(self, runtime: Runtime, path: str, manifest: Manifest, *, threads: int) -> None:
        self._api = api = runtime.api
        self._memory = runtime.memory
        self._input_names = (ctypes.c_char_p * 1)(manifest.input_name.encode())
        self._outputs = (ctypes.c_char_p * 1)(manifest.output_name.encode())
        self._explain = manifest.explain
        geometry = manifest.geometry
        self._shape = (ctypes.c_int64 * 4)(1, geometry.height, geometry.width, 3)
        try:
            options = api.create("CreateSessionOptions")
            try:
                api.call("SetIntraOpNumThreads", options, threads)
                api.call("SetInterOpNumThreads", options, 1)
                # A spinning thread would use up the instance's CPU share between requests.
                api.call("AddSessionConfigEntry", options, b"session.intra_op.allow_spinning", b"0")
                if manifest.optimized:
                    api.call("SetSessionGraphOptimizationLevel", options, OPTIMIZE_NOTHING)
                self._session = api.create(
                    "CreateSession", runtime.environment, os.fsencode(path), options
                )
            finally:
                api.release("ReleaseSessionOptions", options)
        except OnnxRuntimeError as error:
            raise ModelError(f"ONNX Runtime cannot load the model file: {error}") from error

    def run(self, pixels: bytes) -> "array[float]":
        """Return the softmax over all classes for one image.

        Args:
            pixels: RGB, row by row, of the input's height and width.

        Raises:
            OnnxRuntimeError: the graph's input or output is not as described above.
        """
        return self._run(pixels, self._outputs, "f")[0]

    def run_with_features(self, pixels: bytes) -> "tuple[array[float], array[float]]":
        """Return the softmax, and the input of the average pooling; see `Explain`.

        Args:
            pixels: as for `run`.

        Raises:
            OnnxRuntimeError: as for `run`, or the graph has no such features.
        """
        assert self._explain is not None
        outputs = (ctypes.c_char_p * 2)(self._outputs[0], self._explain.features.encode())
        softmax, features = self._run(pixels, outputs, "f" + self._explain.features_type)
        return softmax, features

    def _run(
        self, pixels: bytes, names: "ctypes.Array[ctypes.c_char_p]", types: str
    ) -> "list[array[float]]":
        """Return the outputs of these names, and of these types of the module array."""
        api = self._api
        image = api.create(
            "CreateTensorWithDataAsOrtValue",
            self._memory,
            ctypes.c_char_p(pixels),
            ctypes.c_size_t(len(pixels)),
            self._shape,
            ctypes.c_size_t(4),
            UINT8,
        )
        outputs = (ctypes.c_void_p * len(names))()
        try:
            api.call(
                "Run",
                self._session,
                None,
                self._input_names,
                ctypes.byref(image),
                ctypes.c_size_t(1),
                names,
                ctypes.c_size_t(len(names)),
                outputs,
            )
        finally:
            api.release("ReleaseValue", image)
        values = [ctypes.c_void_p(output) for output in outputs]
        try:
            return [self._read(value, kind) for value, kind in zip(values, types, strict=True)]
        finally:
            for value in values:
                api.release("ReleaseValue", value)

    def close(self) -> None:
        """Free the graph, its weights and its threads; do not use the engine afterwards."""
        self._api.release("ReleaseSession", self._session)

    def _read(self, value: ctypes.c_void_p, kind: str) -> "array[float]":
        api = self._api
        info = api.create("GetTensorTypeAndShape", value)
        element, count = ctypes.c_int(), ctypes.c_size_t()
        try:
            api.call("GetTensorElementType", info, ctypes.byref(element))
            api.call("GetTensorShapeElementCount", info, ctypes.byref(count))
        finally:
            api.release("ReleaseTensorTypeAndShapeInfo", info)
        if element.value != _ELEMENTS[kind]:
            raise OnnxRuntimeError(
                f"an output's elements are of type {element.value}, not {_ELEMENTS[kind]}"
            )
        data = api.create("GetTensorMutableData", value)
        values: array[float] = array(kind)
        values.frombytes(ctypes.string_at(data, count.value * values.itemsize))
        return values
