"""The commands `python -m lab products`."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lab.products.commands import app
from tests.invoke import invoke
from training.data_check import check_data


def test_generate_writes_a_data_set_that_check_accepts(tmp_path: Path) -> None:
    arguments = ["generate", "--out", str(tmp_path / "d"), "--per-class", "5", "--size", "16"]
    made = invoke(app, *arguments, "--packages", "3", "--processes", "1")
    assert made.exit_code == 0, made.output
    assert "30 photos of 3 products written" in made.output
    report = check_data(tmp_path / "d")
    assert report.ok, report.text()
    assert report.counts["train"]["00001"] == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "5"], "size_px is 5; allowed"),
        (["--seed", "-1"], "seed is -1; allowed"),
        (["--per-class", "-1"], "train is -1; allowed"),
        (["--packages", "-1"], "--packages and --processes must be 0 or more"),
    ],
)
def test_generate_refuses_bad_numbers(tmp_path: Path, options: list[str], message: str) -> None:
    result = invoke(app, "generate", "--out", str(tmp_path / "d"), *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "d").exists()


def test_generate_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = invoke(app, "generate", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "is not empty" in result.stderr


def test_sheet_writes_a_picture(tmp_path: Path) -> None:
    result = invoke(app, "sheet", "--out", str(tmp_path / "sheet.jpg"), "--size", "32")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "sheet.jpg") as image:
        assert image.width > 500


@pytest.mark.parametrize("name", ["sheet.txt", "nowhere/sheet.jpg"])
def test_sheet_refuses_a_name_that_it_cannot_write(tmp_path: Path, name: str) -> None:
    result = invoke(app, "sheet", "--out", str(tmp_path / name))
    assert result.exit_code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["cv2", "numpy", "PIL", "font_lato"])
def test_without_a_package_one_line_says_what_to_install(tmp_path: Path, package: str) -> None:
    # None in sys.modules makes Python report that a module is missing.
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from lab.products.commands import app; from warmlens.command_line import run; "
        "sys.exit(run(app))"
    )
    arguments = ["generate", "--out", str(tmp_path / "d"), "--per-class", "1", "--processes", "1"]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--size", "16"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"package_missing: The package {package} is not installed")
    assert run.stderr.count("\n") == 1


def test_the_commands_import_no_package_that_only_they_need() -> None:
    code = (
        "import sys, lab.products.commands\n"
        "print([name for name in ('cv2', 'numpy', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
