"""Every version gets a calibrated softmax and a threshold, which are what its manifest says."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.invoke import invoke
from tests.training.class_folders import save_picture
from tests.training.conftest import SIZE, Exported
from tests.training.resnet_weights import network
from tests.training.served import served
from training.calibrate_version import CalibrationRequest, calibrate_version
from training.calibration import OtherThings
from training.commands import app
from training.foreign_photos import DEFAULT, read_foreign_photos
from training.import_weights import ImportRequest, import_file
from training.model_card import further_sections
from training.model_file import geometry_of, open_model_file
from training.model_packages import import_model_package
from training.pixels import read_pixels
from training.recognition import at_temperature, choose_threshold
from training.temperature import scale_logits
from warmlens.errors import WarmlensError
from warmlens.registry.manifest import Manifest, Recognition
from warmlens.registry.manifest_file import read_manifest
from warmlens.registry.verify import verify_model

torch = import_model_package("torch")
CLASSES = ("disc", "square", "triangle")


def recognition_of(manifest: Manifest) -> Recognition:
    assert manifest.recognition is not None
    return manifest.recognition


def best_softmax(version: Exported, photos: list[Path]) -> np.ndarray:
    """Return the highest softmax that the service gives for each photo."""
    model, geometry = served(version.folder), geometry_of(version.manifest.input)
    found = [model.classify(read_pixels(photo, geometry).tobytes(), top=1) for photo in photos]
    return np.array([each[0].softmax for each in found])


def test_threshold_and_shares_are_those_of_the_served_version(
    int8_version: Exported, photos: Path
) -> None:
    recognition = recognition_of(int8_version.manifest)
    foreign = read_foreign_photos((), (), CLASSES)
    own = best_softmax(int8_version, sorted((photos / "test").glob("*/*.jpg")))
    others = best_softmax(int8_version, list(foreign.judging))
    assert recognition.kept.images == len(own) == 30
    assert recognition.found.images == len(others) == 72
    assert recognition.kept.share == pytest.approx((own >= recognition.threshold).mean(), abs=1e-4)
    found = (others < recognition.threshold).mean()
    assert recognition.found.share == pytest.approx(found, abs=1e-4)
    pairs = (own[:, np.newaxis] > others).mean() + (own[:, np.newaxis] == others).mean() / 2
    assert recognition.auroc == pytest.approx(pairs, abs=1e-4)
    choosing = best_softmax(int8_version, list(foreign.choosing))
    val = best_softmax(int8_version, sorted((photos / "val").glob("*/*.jpg")))
    chosen = choose_threshold(val, choosing)
    assert recognition.threshold == pytest.approx(chosen, abs=2e-4)
    assert "split val" in (recognition.chosen_on or "")


def calibrated(version: Exported, photos: Path, out: Path, **changes: object) -> Exported:
    request = CalibrationRequest(
        folder=version.folder, version="1.1.0", data=photos, out=out,
        command="warmlens model calibrate", **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    manifest = calibrate_version(request)
    return Exported(out / manifest.name / "1.1.0", manifest)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
def test_an_existing_version_is_calibrated_without_its_run(
    small_run: Path, export: Callable[..., Exported], photos: Path, tmp_path: Path, engine: str
) -> None:
    precision = "int8" if engine == "onnxruntime" else "fp32"
    before = export(small_run, precision, engine=engine)
    old = recognition_of(before.manifest)
    # As a version from elsewhere: its logits are three times too large.
    model = before.folder / before.manifest.files.model.path
    raw = scale_logits(engine, model.read_bytes(), "softmax", 1 / 3)
    spec, name = before.manifest.input, before.folder / model.name
    name.write_bytes(raw)
    manifest = json.loads((before.folder / "manifest.json").read_bytes())
    manifest["files"]["model"] |= {
        "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()
    }  # fmt: skip
    del manifest["recognition"]
    manifest.pop("explain", None)
    (before.folder / "manifest.json").write_text(json.dumps(manifest))

    after = calibrated(before, photos, tmp_path, title="shapes")
    assert verify_model(after.folder) == []
    new = recognition_of(after.manifest)
    assert new.temperature == pytest.approx(3, rel=0.01)
    assert new.threshold == pytest.approx(old.threshold, abs=5e-3)
    assert after.manifest.title == "shapes"
    mistakes = further_sections((before.folder / "README.md").read_text())
    assert mistakes == further_sections((after.folder / "README.md").read_text()) != []
    if engine == "onnxruntime":
        weights = before.manifest.files.weights
        assert weights == after.manifest.files.weights
    photo = next((photos / "test" / "disc").glob("*.jpg"))
    optimized = before.manifest.optimization is not None
    overconfident = open_model_file(engine, name, spec, optimized=optimized)
    pixels = read_pixels(photo, geometry_of(spec))
    wanted = at_temperature(overconfident.softmax(pixels)[np.newaxis], new.temperature).max()
    assert best_softmax(after, [photo])[0] == pytest.approx(wanted, abs=1e-5)


def test_a_version_that_exists_is_not_calibrated_in_place(
    int8_version: Exported, photos: Path, tmp_path: Path
) -> None:
    request = CalibrationRequest(
        int8_version.folder, "1.0.0", photos, tmp_path, "warmlens model calibrate"
    )
    with pytest.raises(WarmlensError, match="give --as another number") as refused:
        calibrate_version(request)
    assert refused.value.code == "same_version"


def test_calibrating_again_keeps_the_temperature_of_the_file(
    int8_version: Exported, photos: Path, tmp_path: Path
) -> None:
    before = recognition_of(int8_version.manifest)
    after = recognition_of(calibrated(int8_version, photos, tmp_path).manifest)
    assert after.temperature == pytest.approx(before.temperature, rel=0.01)
    assert after.threshold == pytest.approx(before.threshold, abs=5e-3)


def import_shapes(tmp_path: Path, *arguments: object) -> tuple[str, Manifest]:
    torch.save(network().state_dict(), tmp_path / "w.pt")
    (tmp_path / "labels.txt").write_text("\n".join(CLASSES))
    done = invoke(app, "import", *map(str, (
        "--file", tmp_path / "w.pt", "--labels", tmp_path / "labels.txt", "--name", "mine",
        "--size", SIZE, "--models", tmp_path / "artifacts", *arguments,
    )))  # fmt: skip
    assert done.exit_code == 0, done.output
    return done.output, read_manifest(tmp_path / "artifacts" / "mine" / "1.0.0")


def test_an_import_with_photos_of_its_classes_gets_a_threshold(
    photos: Path, tmp_path: Path
) -> None:
    _, manifest = import_shapes(tmp_path, "--photos", photos / "val", "--title", "shapes")
    recognition = recognition_of(manifest)
    assert (recognition.kept.images, manifest.title) == (15, "shapes")
    assert manifest.parity is not None
    assert manifest.parity.max_abs_softmax_difference <= 1e-4


def test_an_import_with_other_photos_reports_that_it_has_no_threshold(
    photos: Path, tmp_path: Path
) -> None:
    output, manifest = import_shapes(tmp_path, "--photos", photos / "val" / "disc")
    assert manifest.recognition is None
    assert "The version has no threshold: " in output
    with pytest.raises(WarmlensError, match="--others and --leave-out need --photos of classes"):
        import_file(
            tmp_path / "w.pt",
            tmp_path / "labels.txt",
            ImportRequest(
                "mine", "1.0.1", tmp_path, "", "MIT", others=OtherThings((photos / "hard",))
            ),
        )


def test_the_two_halves_of_other_things_share_no_photo() -> None:
    found = read_foreign_photos((), (), CLASSES)
    assert not set(found.choosing) & set(found.judging)
    assert abs(len(found.choosing) - len(found.judging)) <= 1
    assert len(found.choosing) + len(found.judging) == 145
    assert found.left_out == ()


@pytest.mark.parametrize("label", ["Cat", "cats", "tabby cat", "my_cats", "CAT 2"])
def test_photos_that_show_a_class_are_left_out(label: str) -> None:
    found = read_foreign_photos((), (), ("dog-less", label))
    assert {photo.parent.name for photo in found.left_out} >= {"cat"}
    assert not {"cat"} & {photo.parent.name for photo in (*found.choosing, *found.judging)}


def test_photos_are_left_out_by_the_name_of_their_folder_or_file() -> None:
    found = read_foreign_photos((), ("hammer", "Koala"), CLASSES)
    assert {photo.stem.rstrip("0123456789") for photo in found.left_out} == {"hammer", "koala"}
    with pytest.raises(WarmlensError, match='--leave-out is "unicorn"') as refused:
        read_foreign_photos((), ("unicorn",), CLASSES)
    assert refused.value.code == "bad_setting"


def test_a_folder_of_few_other_things_is_refused(tmp_path: Path) -> None:
    for number in range(19):
        save_picture(tmp_path / f"{number}.jpg", number)
    save_picture(tmp_path / "deeper" / "again.jpg", 0)  # the same picture
    with pytest.raises(WarmlensError, match="There are 19 different photos") as refused:
        read_foreign_photos((tmp_path,), (), CLASSES)
    assert refused.value.code == "too_few_others"
    save_picture(tmp_path / "disc" / "new.jpg", 20)  # the user's own folder: nothing is left out
    assert len(read_foreign_photos((tmp_path,), (), CLASSES).judging) == 10


def test_every_photo_of_other_things_is_free_and_its_source_is_named() -> None:
    with (DEFAULT / "sources.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    photos = {path.relative_to(DEFAULT).as_posix() for path in DEFAULT.glob("*/*")}
    assert rows.keys() == photos
    for row in rows.values():
        assert row["licence"] in ("public domain", "CC0-1.0")
        assert row["source"].startswith("https://")
        assert row["author"]
    assert sum(path.stat().st_size for path in DEFAULT.rglob("*") if path.is_file()) < 1_000_000
