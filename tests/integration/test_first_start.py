"""`make run` in a new clone, with stubs in place of pip and of the command line."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import PRODUCTS, run_here
from warmlens.local import venvs
from warmlens.local.venvs import local_venvs
from warmlens.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CLONED = (
    "Makefile",
    "requirements.txt",
    "requirements-dev.txt",
    "pyproject.toml",
    "warmlens_client/pyproject.toml",
)
STUBS = {
    "pip": 'echo "pip began at $(date +%s): $*"; sleep 1.1; exit ${PIP_EXIT_CODE:-0}',
    "warmlens": 'echo "counted from $WARMLENS_BEGUN: $*"',
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "warmlens_client").mkdir()
    for name in CLONED:
        shutil.copy(ROOT / name, tmp_path / name)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs.parent / ".made").touch()
    for name, script in STUBS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    return tmp_path


def make_run(clone: Path, **variables: str) -> tuple[int, str]:
    program = shutil.which("make")
    assert program
    done = subprocess.run(
        [program, "run"],
        cwd=clone,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def counted_from(output: str) -> int:
    (found,) = re.findall(r"^counted from (\d+): local up", output, re.MULTILINE)
    return int(found)


def test_a_first_start_says_what_it_downloads_shows_progress_and_counts_all_of_it(
    clone: Path,
) -> None:
    begun_s = int(time.time())
    code, output = make_run(clone)
    assert code == 0, output
    assert re.search(r"^The first start downloads \d+ MB.*^pip began", output, re.DOTALL | re.M)
    ((installed_from, options),) = re.findall(r"^pip began at (\d+): (.*)$", output, re.MULTILINE)
    assert "--quiet" not in options
    assert "--no-compile" in options  # of the CDK library, most is never imported
    assert begun_s <= counted_from(output) <= int(installed_from)


def test_a_later_start_installs_nothing_and_counts_from_its_own_beginning(clone: Path) -> None:
    _, first = make_run(clone)
    _, later = make_run(clone)
    assert "download" not in later
    assert "pip" not in later
    assert counted_from(later) > counted_from(first)
    os.utime(clone / ".venv" / ".run", (0, 0))  # as after `git pull` with other versions
    _, renewed = make_run(clone)
    assert "versions may have changed" in renewed
    assert "first" not in renewed


def test_a_start_whose_installation_fails_says_what_to_do_and_installs_again(clone: Path) -> None:
    for _ in range(2):
        code, output = make_run(clone, PIP_EXIT_CODE="1")
        assert code != 0
        assert "Check the network; behind a proxy, export HTTPS_PROXY" in output
        assert "run again: make run" in output
        assert "pip began" in output
        assert "counted from" not in output


def test_without_node_nothing_is_downloaded(clone: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "date", "expr", "sleep", "touch"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    code, output = make_run(clone, PATH=str(programs))
    assert code != 0
    assert "Node 22 or newer is needed" in output
    assert "pip began" not in output


def test_the_environments_cannot_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(command: tuple[str, ...], **_: object) -> tuple[int, str]:
        return 1, "ERROR: No matching distribution found for ministack"

    monkeypatch.setattr(venvs, "run_command", run)
    monkeypatch.setattr(venvs, "STATE", tmp_path)
    up = run_here("local", "up", "--port", "0", "--folder", str(tmp_path), "--model", PRODUCTS)
    assert up.returncode == 1
    assert "Downloads, the first time only: emulator (" in up.stdout
    assert "Check the network; behind a proxy, export HTTPS_PROXY" in up.stderr
    assert "No matching distribution found for ministack" in up.stderr
    assert "Traceback" not in up.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/quick-start.md"])
def test_pages_and_programs_name_the_same_download(page: str) -> None:
    """`tests/changes/test_first_start.py` compares it with the real one."""
    install_mb, environments_mb = (
        int(re.findall(rf"^{name}_MB := (\d+)$", MAKEFILE, re.MULTILINE)[0])
        for name in ("INSTALL", "ENVIRONMENTS")
    )
    labels = " ".join(each.label for each in local_venvs())
    assert sum(map(int, re.findall(r"(\d+) MB", labels))) == environments_mb
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert f"downloads {install_mb + environments_mb} MB" in text
