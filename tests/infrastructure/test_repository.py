"""Release notes, issue forms, dev container and hooks of the repository."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from warmlens.local.cloud import EMULATOR_PORT
from warmlens.local.commands import WEB_PORT
from warmlens.paths import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
AS_SHIPPED = (ROOT / "tests" / "environments_as_shipped.py").read_bytes()
NOTES = ROOT / ".github" / "release-notes"


def release_notes(
    folder: Path, tag: str, changes: str, environments: bytes = AS_SHIPPED
) -> subprocess.CompletedProcess[str]:
    (folder / "tests").mkdir()
    (folder / "tests" / "environments_as_shipped.py").write_bytes(AS_SHIPPED)
    (folder / "environments.py").write_bytes(environments)
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (folder / "CHANGELOG.md").write_text(changes)
    command = [sys.executable, str(NOTES), tag]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_release_has_the_text_of_its_section(tmp_path: Path) -> None:
    changes = f"# Changes\n\n## [{VERSION}] - 2026-12-01\n\n- A thing.\n\n## [0.0.1] - 2026-01-01\n"
    result = release_notes(tmp_path, f"v{VERSION}", changes)
    assert (result.returncode, result.stdout) == (0, "- A thing.\n")


@pytest.mark.parametrize(
    ("tag", "heading", "words"),
    [
        ("v9.9.9", f"[{VERSION}] - 2026-12-01", f"pyproject.toml has {VERSION}"),
        (f"v{VERSION}", "[Unreleased]", "has no section"),
        (f"v{VERSION}", f"[{VERSION}]", "has no section"),
    ],
)
def test_a_tag_that_does_not_fit_stops_the_release(
    tmp_path: Path, tag: str, heading: str, words: str
) -> None:
    result = release_notes(tmp_path, tag, f"# Changes\n\n## {heading}\n\n- A thing.\n")
    assert result.returncode == 1
    assert words in result.stderr
    assert result.stdout == ""


def test_a_release_that_changes_the_users_own_environments_is_stopped(tmp_path: Path) -> None:
    changes = f"# Changes\n\n## [{VERSION}] - 2026-12-01\n\n- A thing.\n"
    changed = AS_SHIPPED.replace(b"budget_usd=75", b"budget_usd=80")
    assert changed != AS_SHIPPED
    result = release_notes(tmp_path, f"v{VERSION}", changes, changed)
    assert result.returncode == 1
    assert result.stderr.startswith("environments.py was changed. No release changes it")
    assert result.stdout == ""


def test_the_change_log_says_what_is_not_released_yet() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


def test_an_issue_asks_for_what_the_doctor_says() -> None:
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    forms = {path.name: yaml.safe_load(path.read_text()) for path in folder.glob("*.yml")}
    assert set(forms) == {"problem.yml", "wish.yml"}
    for form in forms.values():
        assert {"name", "description", "body"} <= set(form)
        assert all(field["attributes"]["label"] for field in form["body"])
    assert "warmlens doctor" in json.dumps(forms["problem.yml"])


def test_what_is_checked_before_a_commit_is_what_lint_checks() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    entries = [hook["entry"] for hook in repository["hooks"]]
    for program in ("ruff format", "ruff check", "mypy", "lint-imports"):
        assert any(entry.startswith(f".venv/bin/{program}") for entry in entries)


def test_lint_reads_the_english_of_the_pages() -> None:
    command = ["make", "-n", "lint"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = (each for each in planned.stdout.splitlines() if "bin/textlint" in each)
    assert {"README.md", "docs/index.md", "docs/commands.md"} <= set(line.split())


def test_the_dev_container_forwards_the_page_and_uploads_alone() -> None:
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert settings["forwardPorts"] == [WEB_PORT, EMULATOR_PORT]
    # Without this, editors forward each port that is listened on, the Runtime API's, too.
    assert settings["otherPortsAttributes"] == {"onAutoForward": "ignore"}
