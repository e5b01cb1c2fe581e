"""The command `warmlens model data check`."""

import subprocess
import sys
from pathlib import Path

from tests.invoke import invoke
from tests.training.class_folders import save_picture
from training.commands import app


def test_check_fails_on_errors_and_says_which(tmp_path: Path) -> None:
    for number in range(6):
        save_picture(tmp_path / "train" / "apple" / f"{number}.jpg", number)
    result = invoke(app, "data", "check", str(tmp_path))
    assert result.exit_code == 1
    assert "error: split_missing: There is no folder or list val" in result.stdout
    assert "error: too_few_classes" in result.stdout


def test_check_refuses_a_missing_folder(tmp_path: Path) -> None:
    result = invoke(app, "data", "check", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "nowhere is not a folder" in result.stderr


def test_the_commands_import_no_package_that_only_they_need() -> None:
    code = (
        "import sys, training.commands\n"
        "print([name for name in ('torch', 'numpy', 'PIL', 'pydantic') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
