import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.training.test_data import save_picture
from training.data_commands import app

runner = CliRunner()


def test_generate_writes_a_data_set_that_check_accepts(tmp_path: Path) -> None:
    arguments = ["generate", "--out", str(tmp_path / "d"), "--per-class", "5", "--size", "16"]
    made = runner.invoke(app, [*arguments, "--packages", "3", "--processes", "1"])
    assert made.exit_code == 0, made.output
    assert "30 photos of 3 products written" in made.output
    checked = runner.invoke(app, ["check", str(tmp_path / "d"), "--json"])
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["counts"]["train"]["00001"] == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "5"], "size_px is 5; allowed"),
        (["--seed", "-1"], "seed is -1; allowed"),
        (["--per-class", "-1"], "train is -1; allowed"),
        (["--packages", "-1"], "--packages and --processes are 0 or more"),
    ],
)
def test_generate_refuses_bad_numbers(tmp_path: Path, options: list[str], message: str) -> None:
    result = runner.invoke(app, ["generate", "--out", str(tmp_path / "d"), *options])
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "d").exists()


def test_generate_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = runner.invoke(app, ["generate", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "is not empty" in result.stderr


def test_check_fails_on_errors_and_says_which(tmp_path: Path) -> None:
    for number in range(6):
        save_picture(tmp_path / "train" / "apple" / f"{number}.jpg", number)
    result = runner.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert "error: split_missing: There is no val folder" in result.stdout
    assert "error: too_few_classes" in result.stdout


def test_check_refuses_what_is_no_folder(tmp_path: Path) -> None:
    result = runner.invoke(app, ["check", str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert "nowhere is not a folder" in result.stderr


def test_sheet_writes_a_picture(tmp_path: Path) -> None:
    result = runner.invoke(app, ["sheet", "--out", str(tmp_path / "sheet.jpg"), "--size", "32"])
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "sheet.jpg") as image:
        assert image.width > 500


@pytest.mark.parametrize("name", ["sheet.txt", "nowhere/sheet.jpg"])
def test_sheet_refuses_a_name_that_it_cannot_write(tmp_path: Path, name: str) -> None:
    result = runner.invoke(app, ["sheet", "--out", str(tmp_path / name)])
    assert result.exit_code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["cv2", "numpy", "PIL", "font_lato"])
def test_without_a_package_one_line_says_what_to_install(tmp_path: Path, package: str) -> None:
    # None in sys.modules is how Python itself is told that a module is not there.
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from training.data_commands import app; app()"
    )
    arguments = ["generate", "--out", str(tmp_path / "d"), "--per-class", "1", "--processes", "1"]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--size", "16"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.strip() == (
        f"package_missing: The package {package} is not installed; run make training."
    )


def test_the_commands_load_no_package_that_only_they_need() -> None:
    code = (
        "import sys, training.data_commands\n"
        "print([name for name in ('cv2', 'numpy', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
