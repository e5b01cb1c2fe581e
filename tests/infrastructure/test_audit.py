"""The audit of packages: what is known, and what could not be looked up."""

import subprocess
import sys
from pathlib import Path

import pytest

from warmlens.paths import ROOT

CLEAN = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}'
WEAK = CLEAN.replace("[]", '[{"id": "PYSEC-1", "fix_versions": ["2"]}]')
SKIPPED = '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}'


@pytest.mark.parametrize(
    ("pip_prints", "npm", "code", "words"),
    [
        (CLEAN, "exit 0", 0, "No known vulnerabilities of 1 Python packages"),
        (WEAK, "exit 0", 1, "a 1: PYSEC-1, mended in 2"),
        (CLEAN, "echo high severity; exit 1", 1, "high severity"),
        ("", "exit 0", 3, "NOT RUN: the audit of Python packages: no route"),
        (SKIPPED, "exit 0", 3, "NOT RUN: the audit of Python packages: the index has no data"),
        (CLEAN, "echo npm error ENOTFOUND >&2; exit 1", 3, "NOT RUN: the audit of npm packages"),
        (WEAK, "echo npm error ENOTFOUND >&2; exit 1", 1, "NOT RUN: the audit of npm packages"),
    ],
)
def test_what_could_not_be_looked_up_is_said_and_is_no_success(
    tmp_path: Path, pip_prints: str, npm: str, code: int, words: str
) -> None:
    programs = {"pip-audit": f"echo '{pip_prints}'; echo no route >&2; exit 1", "npm": npm}
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    result = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "audit"), str(tmp_path / "pip-audit"), "folder"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert words in result.stdout + result.stderr
