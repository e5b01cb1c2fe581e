"""A model gives the same answers with PyTorch as with ONNX Runtime."""

import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lambda_src.classifier import torch_engine
from lambda_src.classifier.errors import EngineError
from lambda_src.classifier.errors import ModelError as ServiceError
from lambda_src.classifier.model import Model
from tests.training.conftest import Exported
from tests.training.program_file import program_file
from tests.training.served import served
from training.evaluate import evaluate_version
from training.import_weights import ImportRequest, import_file
from training.model_card import model_card
from training.model_file import TorchFile
from training.model_packages import import_model_package
from training.networks import MEAN, STD, build_network
from training.onnx_export import GraphSpec, export_classifier
from training.torch_export import export_program
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import Engine, InputSpec, Normalization
from warmlens.registry.manifest_file import manifest_bytes, parse_manifest, read_manifest
from warmlens.registry.verify import verify_model

torch: Any = import_model_package("torch")
# PyTorch would rather have torch.export, which loads 25 times slower: decision 35.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
SIDE = 32
LABELS = tuple(f"class {number}" for number in range(7))


@pytest.fixture(scope="module")
def versions(small_run: Path, export: Callable[..., Exported]) -> tuple[Exported, Exported]:
    """The same run exported for both engines; tests must not change them."""
    return export(small_run, "fp32"), export(small_run, "fp32", engine="torch")


@pytest.fixture(scope="module")
def torch_version(versions: tuple[Exported, Exported]) -> Exported:
    return versions[1]


def test_both_engines_give_the_same_classes_and_softmax(
    versions: tuple[Exported, Exported], photos: Path
) -> None:
    onnx, program = (served(version.folder) for version in versions)
    tests = sorted((photos / "test").glob("*/*.jpg"))
    assert len(tests) == 30
    for photo in tests:
        pixels = photo_pixels(onnx, photo)
        expected, answer = onnx.classify(pixels), program.classify(pixels)
        assert [each[:2] for each in answer] == [each[:2] for each in expected]
        assert [each.softmax for each in answer] == pytest.approx(
            [each.softmax for each in expected], abs=1e-5
        )


def photo_pixels(model: Model, photo: Path) -> bytes:
    geometry = model.manifest.geometry
    with Image.open(photo) as image:
        return image.convert("RGB").resize((geometry.width, geometry.height)).tobytes()


def test_the_version_is_complete_and_names_its_engine(torch_version: Exported) -> None:
    manifest = torch_version.manifest
    assert verify_model(torch_version.folder) == []
    assert read_manifest(torch_version.folder) == manifest
    assert (manifest.engine, manifest.precision) == ("torch", "fp32")
    assert manifest.files.model.path == "model.pt"
    assert manifest.files.weights is None
    assert manifest.parity is not None
    assert manifest.parity.top1_agreement == 1
    assert manifest.parity.images == 500
    assert manifest.parity.max_abs_softmax_difference <= 1e-5
    assert manifest.parity.max_abs_logit_difference is None
    measured = [metric for metric in manifest.metrics if metric.name.startswith("test_")]
    assert all("model.pt (fp32) in PyTorch" in metric.source for metric in measured)
    text = (torch_version.folder / "README.md").read_text()
    before, _, after = text.partition("## Mistakes")
    assert before
    assert after
    labels = ("disc", "square", "triangle")
    assert model_card(manifest, labels, ("## Mistakes",)).startswith(f"{before}## Mistakes")
    assert "one TorchScript file" in text
    assert "onnx" not in text.lower()


def test_the_version_is_measured_by_the_engine_that_serves_it(
    torch_version: Exported, photos: Path
) -> None:
    figures = {metric.name: metric.value for metric in torch_version.manifest.metrics}
    results = evaluate_version(torch_version.folder, photos)
    assert results["test"].top1 == pytest.approx(figures["test_top1_accuracy"], abs=1e-4)


def test_the_same_run_is_exported_to_the_same_bytes_that_name_no_place(
    torch_version: Exported, small_run: Path, export: Callable[..., Exported]
) -> None:
    again = export(small_run, "fp32", engine="torch")
    assert again.manifest.files == torch_version.manifest.files
    with zipfile.ZipFile(torch_version.folder / "model.pt") as program:
        for name in program.namelist():
            assert str(Path(torch.__file__).parent).encode() not in program.read(name), name
            assert str(Path(__file__).parents[2]).encode() not in program.read(name), name


@pytest.mark.parametrize(
    ("precision", "changes", "words"),
    [
        ("int8", {"engine": "torch"}, 'precision is "int8"; allowed with engine torch: fp32'),
        ("fp32", {"engine": "torch", "optimize": True}, "engine torch has none"),
        ("fp32", {"engine": "tensorflow"}, "allowed: onnxruntime, torch"),
    ],
)
def test_what_the_engine_cannot_do_is_refused(
    small_run: Path,
    export: Callable[..., Exported],
    precision: str,
    changes: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(WarmlensError, match=words) as refused:
        export(small_run, precision, **changes)
    assert refused.value.code == "bad_setting"


def test_a_manifest_with_parts_that_only_onnx_has_is_refused(
    versions: tuple[Exported, Exported],
) -> None:
    onnx, program = (version.manifest for version in versions)
    weights = program.files.model_copy(update={"weights": onnx.files.model})
    with pytest.raises(WarmlensError, match=r'files\.weights is set; .* engine "torch"') as refused:
        parse_manifest(manifest_bytes(program.model_copy(update={"files": weights})), "here")
    assert refused.value.code == "bad_field"


# The program itself


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    return build_network("resnet18", len(LABELS)).eval()


@pytest.fixture(scope="module")
def program(network: Any) -> bytes:
    return export_program(network, GraphSpec(SIDE, SIDE, len(LABELS), MEAN, STD))


@pytest.fixture
def program_path(program: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    path.write_bytes(program)
    return path


def engine_of(path: Path, side: int = SIDE) -> torch_engine.Engine:
    return torch_engine.Engine(
        torch_engine.Runtime(), str(path), width=side, height=side, threads=1
    )


def test_an_export_leaves_the_network_as_it_was(network: Any) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    image = torch.zeros(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        logits = network(image)
        export_program(network, GraphSpec(SIDE, SIDE, len(LABELS), MEAN, STD))
        assert torch.equal(network(image), logits)
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def test_an_engine_uses_the_given_number_of_threads(program_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch_engine.Engine(
                torch_engine.Runtime(), str(program_path), width=SIDE, height=SIDE, threads=threads
            )
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_a_file_that_is_not_a_program_is_refused_in_one_line(
    program: bytes, tmp_path: Path, network: Any
) -> None:
    weights = io.BytesIO()
    torch.save(network.state_dict(), weights)
    path = tmp_path / "model.pt"
    for content in (b"", b"this is no program", program[: len(program) // 2], weights.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ServiceError) as refused:
            engine_of(path)
        assert str(refused.value).startswith("PyTorch cannot load the model file: ")
        assert "\n" not in str(refused.value)
        with pytest.raises(WarmlensError, match="PyTorch cannot load the model file") as also:
            TorchFile(content, read_input())
        assert also.value.code == "bad_model_file"


def read_input() -> InputSpec:
    normalization = Normalization(mean=MEAN, std=STD, in_graph=True)
    return InputSpec(
        name="image",
        width=SIDE,
        height=SIDE,
        resize_shorter_side=SIDE,
        interpolation="bicubic",
        normalization=normalization,
    )


def test_a_program_that_does_not_run_on_its_input_says_so_in_one_line(tmp_path: Path) -> None:
    for source, words in (
        ("def forward(self, image): return image.to(torch.float32).view(7, 11)", "is invalid"),
        ("def forward(self, image): return image", "gives torch.uint8, not a tensor of float32"),
        ("def forward(self, image): return [image]", "gives list, not a tensor"),
    ):
        path = program_file(tmp_path / "model.pt", source)
        with pytest.raises(EngineError, match=words) as refused:
            engine_of(path).run(bytes(SIDE * SIDE * 3))
        assert "\n" not in str(refused.value)


# A model of the user's own


DOUBTFUL = """
def forward(self, image):
    values = image.flatten(1)[:, :7] * torch.arange(7.0)
    if bool(image.mean() > 0):
        return values
    return 0.5 * values
"""


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS) + "\n")
    return path


def test_a_program_that_does_not_export_to_onnx_is_imported_and_served(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    file = program_file(tmp_path / "program.pt", DOUBTFUL)
    with pytest.raises(Exception, match="Failed to export the model"):
        export_classifier(torch.jit.load(file), GraphSpec(SIDE, SIDE, len(LABELS), MEAN, STD))
    assert import_file(file, labels, dataclasses.replace(request_, engine="torch"))
    folder = request_.out / "mine" / "1.0.0"
    assert verify_model(folder) == []
    model = served(folder)
    for value, factor in ((0, 0.5), (255, 1.0)):  # either way
        red = (value - MEAN[0]) / STD[0]
        expected = torch.softmax(factor * red * torch.arange(7.0), dim=0)
        best = expected.argsort(descending=True)[:5]
        answer = model.classify(bytes([value]) * (SIDE * SIDE * 3))
        assert [each.label for each in answer] == [LABELS[index] for index in best]
        softmax = [each.softmax for each in answer]
        assert softmax == pytest.approx(expected[best].tolist(), abs=1e-5)


def test_a_program_that_cannot_be_a_model_is_refused(
    request_: ImportRequest, labels: Path, tmp_path: Path
) -> None:
    refusals: tuple[tuple[str, Engine, str], ...] = (
        (DOUBTFUL, "onnxruntime", "program_for_torch"),
        ("def forward(self, image): return image.flatten(0)", "torch", "bad_program"),
        ("def forward(self, image): return image.view(7, 11)", "torch", "bad_program"),
        ("def forward(self, image): return [image]", "torch", "bad_program"),
        ("def forward(self, image): return image.flatten(1)[:, :6]", "torch", "wrong_label_count"),
    )
    for source, engine, code in refusals:
        file = program_file(tmp_path / "program.pt", source)
        with pytest.raises(WarmlensError) as refused:
            import_file(file, labels, dataclasses.replace(request_, engine=engine))
        assert refused.value.code == code
        assert "\n" not in refused.value.message
    assert not request_.out.exists()


def test_a_checkpoint_can_be_served_by_pytorch_too(
    request_: ImportRequest, labels: Path, tmp_path: Path, network: Any
) -> None:
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    own = dataclasses.replace(request_, engine="torch")
    assert import_file(tmp_path / "weights.pt", labels, own)
    manifest = read_manifest(request_.out / "mine" / "1.0.0")
    assert (manifest.architecture, manifest.engine) == ("resnet18", "torch")
