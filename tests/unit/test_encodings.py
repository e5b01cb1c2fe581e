"""Files and output do not depend on the encoding of the user's locale."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import WARMLENS
from tests.unit.registry.version_copy import copy_version, edit_manifest
from warmlens.paths import ROOT

SOURCES = ("app.py", "stacks", "warmlens", "training", "lab", "docs")


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield each call of a method or function: where it is, its last name, and the call."""
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    where = f"{file.relative_to(ROOT)}:{node.lineno}"
                    yield where, ast.unparse(node.func).rpartition(".")[2], node


KERNEL_FILES = "warmlens/runtime/cgroups.py"  # in ASCII


def opens_text(name: str, call: ast.Call) -> bool:
    owner = ast.unparse(call.func).rpartition(".")[0]
    if name in ("read_text", "write_text"):
        # A distribution's file is always UTF-8; without an owner, it is the product's own reader.
        return bool(owner) and "metadata" not in owner
    if name == "open" and owner not in ("Image", "zipfile", "os", "tarfile", "webbrowser"):
        modes = [
            *call.args[bool(not owner) :],
            *(k.value for k in call.keywords if k.arg == "mode"),
        ]
        return not any(isinstance(m, ast.Constant) and "b" in str(m.value) for m in modes)
    texts = [k.value for k in call.keywords if k.arg in ("text", "universal_newlines")]
    return any(isinstance(value, ast.Constant) and value.value is True for value in texts)


# A terminal or a pipe that takes no check marks, and a locale without them, as in a bare container.
SHELLS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "LC_ALL=C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
WALK = """
import sys
from warmlens.cli import app
from warmlens.command_line import run
from warmlens.local.commands import _steps

for line in sys.argv[1:]:
    print(">", line, run(app, line.split()))
with _steps().step("a step of local up"):
    pass
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_output_that_takes_no_check_marks_does_not_end_a_command(
    shell: str, tmp_path: Path
) -> None:
    edit_manifest(copy_version(tmp_path), "architecture", "caf\xe9 \u2713 \u8336")
    traffic = tmp_path / "\u8336.csv"
    traffic.write_text("hour,requests\n" + "".join(f"{h},60\n" for h in range(24)))
    commands = {
        f"model list --models {tmp_path}": 0,
        f"plan cost --backend python --traffic {traffic}": 0,
        "model verify \u2713 1.0.0": 1,
        "--help": 0,
        "": 2,
    }
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", WALK, *commands],
        cwd=ROOT,
        env={**os.environ, **SHELLS[shell]},
        capture_output=True,
        check=False,
    )
    output, problems = (each.decode("latin-1") for each in (result.stdout, result.stderr))
    assert result.returncode == 0, problems
    codes = [line.split()[-1] for line in output.splitlines() if line.startswith("> ")]
    assert codes == [str(code) for code in commands.values()]
    assert "  + a step of local up" in output
    assert "caf\xe9 + \\u8336" in output.replace("\\xe9", "\xe9")
    assert problems.startswith("folder_missing: ")
    assert "Error" not in problems


def test_every_text_file_has_its_encoding() -> None:
    found = [
        where
        for where, name, call in calls()
        if not where.startswith(KERNEL_FILES)
        if opens_text(name, call) and not any(k.arg == "encoding" for k in call.keywords)
    ]
    assert not found


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("more", ["", " --json"])
def test_an_output_that_cannot_be_written_is_one_line(more: str) -> None:
    command = f"'{WARMLENS}' model list{more}"
    full = subprocess.run(f"{command} >/dev/full", shell=True, capture_output=True, cwd=ROOT)
    assert full.returncode == 1
    assert full.stderr.startswith(b"file_error: ")
    assert full.stderr.endswith((b"No space left on device\n", b"No space left on device.\n"))
    assert full.stderr.count(b"\n") == 1
    closed = subprocess.run(f"{command} >&-", shell=True, capture_output=True, cwd=ROOT)
    assert (closed.returncode, closed.stderr) == (0, b"")
