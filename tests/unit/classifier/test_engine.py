"""The ONNX Runtime engine: it frees what it creates, and a library that fails is a ModelError."""

import ctypes
from collections import Counter
from pathlib import Path

import pytest

from lambda_src.classifier.engine import Runtime
from lambda_src.classifier.errors import ModelError
from lambda_src.classifier.manifest import read_manifest
from lambda_src.classifier.onnxruntime_api import OnnxRuntimeApi, OnnxRuntimeError
from warmlens.paths import MODEL_ARTIFACTS

NAME, VERSION = "products-resnet50", "1.1.0"
FOLDER = MODEL_ARTIFACTS / NAME / VERSION
MANIFEST = read_manifest((FOLDER / "manifest.json").read_bytes(), name=NAME, version=VERSION)


class CountingApi(OnnxRuntimeApi):
    """The C API, with a count of objects that are not freed."""

    def __init__(self) -> None:
        super().__init__()
        self.held: Counter[str] = Counter()

    def create(self, name: str, *arguments: object) -> ctypes.c_void_p:
        made = super().create(name, *arguments)
        self.held[name.removeprefix("Create")] += 1
        return made

    def release(self, name: str, made: ctypes.c_void_p) -> None:
        super().release(name, made)
        self.held[name.removeprefix("Release")] -= 1


@pytest.fixture
def api() -> CountingApi:
    return CountingApi()


@pytest.fixture
def runtime(api: CountingApi) -> Runtime:
    runtime = Runtime()
    runtime.api = api
    return runtime


def test_a_graph_that_is_closed_is_freed(runtime: Runtime, api: CountingApi) -> None:
    for _ in range(2):
        engine = runtime.open(str(FOLDER / "model.onnx"), MANIFEST, threads=1)
        assert (api.held["Session"], api.held["SessionOptions"]) == (1, 0)
        engine.close()
        assert api.held["Session"] == 0


def test_a_graph_that_cannot_be_loaded_leaves_nothing_behind(
    runtime: Runtime, api: CountingApi, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"this is no graph")
    with pytest.raises(ModelError, match="cannot load the model file"):
        runtime.open(str(path), MANIFEST, threads=1)
    assert +api.held == Counter()


def test_a_library_that_does_not_load_is_an_error_of_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The instance then answers `model_unavailable`; any other error would end it."""
    folder = tmp_path / "onnxruntime" / "capi"
    folder.mkdir(parents=True)
    (folder / "libonnxruntime.so.1").write_bytes(b"this is no library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"^ONNX Runtime does not load: .*libonnxruntime\.so\.1"):
        Runtime()


def test_a_library_that_does_not_start_is_an_error_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def create(_: OnnxRuntimeApi, name: str, *__: object) -> None:
        raise OnnxRuntimeError(f"{name} failed")

    monkeypatch.setattr(OnnxRuntimeApi, "create", create)
    with pytest.raises(ModelError, match=r"^ONNX Runtime does not start: CreateEnv failed$"):
        Runtime()
