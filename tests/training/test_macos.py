"""The commands of training without what macOS lacks."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.macos import site_without_linux_names
from tests.training.conftest import Exported
from training.model_packages import import_model_package
from training.networks import build_network

torch: Any = import_model_package("torch")

WALK = """
import sys
from training.commands import app
from warmlens.command_line import run

for line in sys.argv[1:]:
    print(">", line, run(app, line.split()))
"""


def test_training_commands_work_without_what_macos_lacks(
    photos: Path, small_run: Path, int8_version: Exported, tmp_path: Path
) -> None:
    weights, labels = tmp_path / "weights.pt", tmp_path / "labels.txt"
    torch.save(build_network("resnet18", 3).state_dict(), weights)
    labels.write_text("apple\npear\nplum\n")
    models = int8_version.folder.parent.parent
    commands = [
        f"data check {photos}",
        f"evaluate shapes 1.0.0 --data {photos} --models {models}",
        f"export {small_run} --name again --version 1.0.0 --models {tmp_path}",
        f"import --file {weights} --labels {labels} --name mine --size 32 --models {tmp_path}",
    ]
    result = subprocess.run(
        [sys.executable, "-c", WALK, *commands],
        env=site_without_linux_names(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    for command in commands:
        assert f"> {command} 0" in result.stdout, result.stdout + result.stderr
