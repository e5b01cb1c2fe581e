"""The audit of packages: what is known, and what could not be looked up."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from warmlens.paths import ROOT

# The scripts of .ci are no package.
_SPEC = importlib.util.spec_from_file_location("advisories", ROOT / ".ci" / "advisories.py")
assert _SPEC is not None
assert _SPEC.loader is not None
advisories = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(advisories)

AUDIT = ROOT / ".ci" / "audit"
PIP_AUDIT = ROOT / ".warmlens" / "tools" / "audit" / "bin" / "pip-audit"  # `make audit` installs it
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
        [sys.executable, str(AUDIT), str(tmp_path / "pip-audit"), "folder"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert words in result.stdout + result.stderr


def record(
    name: str, ecosystem: str, ranges: list[dict[str, str]], **fields: Any
) -> dict[str, Any]:
    """A record as OSV exports it: https://ossf.github.io/osv-schema/."""
    kind = "ECOSYSTEM" if ecosystem == "PyPI" else "SEMVER"
    return {
        "schema_version": "1.6.0",
        "id": fields.pop("id", f"OSV-{name}"),
        "modified": "2026-11-29T08:00:00Z",
        "published": "2026-11-01T08:00:00Z",
        "affected": [
            {
                "package": {"name": name, "ecosystem": ecosystem},
                "ranges": [{"type": kind, "events": ranges}],
                "versions": fields.pop("versions", []),
            }
        ],
        **fields,
    }


def export(folder: Path, ecosystem: str, *records: dict[str, Any]) -> None:
    (folder / ecosystem).mkdir(parents=True)
    with zipfile.ZipFile(folder / ecosystem / "all.zip", "w") as archive:
        for number, each in enumerate(records):
            archive.writestr(f"OSV-{number}.json", json.dumps(each))


# What pip-audit does of the service that it is pointed to, without its installation.
ASKING = """
import json, sys, urllib.request
url = sys.argv[sys.argv.index("--osv-url") + 1]
found = []
for name, version in (("weak-package", "1.4"), ("sound", "2.0")):
    query = {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
    call = urllib.request.Request(url, json.dumps(query).encode(), method="POST")
    with urllib.request.urlopen(call) as answer:
        vulns = json.load(answer).get("vulns", [])
    found.append({"name": name, "version": version,
                  "vulns": [{"id": each["id"], "fix_versions": ["1.5"]} for each in vulns]})
print(json.dumps({"dependencies": found}))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A checkout with two Python packages in `site`, and a lock file with one npm package."""
    for name, version in (("weak-package", "1.4"), ("sound", "2.0")):
        about = tmp_path / "site" / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
        about.parent.mkdir(parents=True)
        about.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for folder in (tmp_path, tmp_path / ".ci" / "prose", tmp_path / "tests" / "clients"):
        folder.mkdir(parents=True, exist_ok=True)
        root = {"name": "x", "version": "1.0.0", "dependencies": {"weak": "2.3.4"}}
        (folder / "package.json").write_text(json.dumps(root))
        weak = {"version": "2.3.4", "resolved": "https://registry.npmjs.org/weak/-/weak-2.3.4.tgz"}
        packages = {"": root, "node_modules/weak": weak}
        lock = {"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
        (folder / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "asking.py").write_text(ASKING)
    asking = tmp_path / "asking"
    asking.write_text(f'#!/bin/sh\nexec {sys.executable} {asking}.py "$@"\n')
    asking.chmod(0o755)
    return tmp_path


def audit(checkout: Path, *, program: Path | None = None) -> subprocess.CompletedProcess[str]:
    options = ("--advisories", str(checkout / "exports"))
    # Whoever has no network may have told npm so; it would then find nothing.
    (checkout / ".npmrc").write_text(f"offline=true\ncache={checkout}/cache\n")
    return subprocess.run(
        [sys.executable, str(AUDIT), *options, str(program or checkout / "asking"), "site"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )


WEAK_PYTHON = record("weak-package", "PyPI", [{"introduced": "0"}, {"fixed": "1.5"}])
SOUND_PYTHON = record("sound", "PyPI", [{"introduced": "0"}, {"fixed": "2.0"}])
WEAK_NPM = record("weak", "npm", [{"introduced": "2.0.0"}, {"fixed": "2.3.5"}], summary="Too weak")
SOUND_NPM = record("weak", "npm", [{"introduced": "0"}, {"fixed": "2.3.4"}], id="OSV-before")
needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="without npm")


@needs_npm
@pytest.mark.parametrize("program", ["asking", "pip-audit"])
def test_exports_of_osv_are_looked_up_without_a_network(installed: Path, program: str) -> None:
    if program == "pip-audit" and not PIP_AUDIT.exists():
        pytest.skip("make audit has not installed pip-audit here")
    export(installed / "exports", "PyPI", WEAK_PYTHON, SOUND_PYTHON)
    export(installed / "exports", "npm", SOUND_NPM, WEAK_NPM)
    result = audit(installed, program=PIP_AUDIT if program == "pip-audit" else None)
    assert result.returncode == 1, result.stderr
    assert "weak-package 1.4: OSV-weak-package, mended in 1.5" in result.stdout
    assert "sound" not in result.stdout
    assert result.stdout.count("Too weak - https://osv.dev/vulnerability/OSV-weak") == 3
    assert "newest record is of 2026-11-29" in result.stdout


@needs_npm
def test_a_checkout_of_which_nothing_is_known_passes(installed: Path) -> None:
    export(installed / "exports", "PyPI", SOUND_PYTHON)
    export(installed / "exports", "npm", SOUND_NPM)
    result = audit(installed)
    assert (result.returncode, result.stderr) == (0, "")
    assert "No known vulnerabilities of 2 Python packages." in result.stdout
    assert result.stdout.count("found 0 vulnerabilities") == 3


@pytest.mark.parametrize("broken", ["absent", "no archive", "no records", "other form"])
def test_what_no_export_has_was_not_looked_up(
    installed: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = installed / "exports"
    export(exports, "npm", SOUND_NPM)
    (installed / "npm").write_text("#!/bin/sh\n")
    (installed / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{installed}:{os.environ['PATH']}")
    if broken == "no archive":
        (exports / "PyPI").mkdir()
        (exports / "PyPI" / "all.zip").write_bytes(b"<html>")
    elif broken != "absent":
        export(exports, "PyPI", *([] if broken == "no records" else [{"id": "x"}]))
    result = audit(installed)
    assert result.returncode == 3, result.stdout
    assert result.stderr.startswith("NOT RUN: the audit of PyPI packages: ")
    assert "PyPI/all.zip" in result.stderr.replace("\\", "/")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("version", "events", "versions", "expected"),
    [
        ("1.4", [{"introduced": "0"}, {"fixed": "1.5"}], [], True),
        ("1.5", [{"introduced": "0"}, {"fixed": "1.5"}], [], False),
        ("1.5rc1", [{"introduced": "0"}, {"fixed": "1.5"}], [], True),
        ("1.10", [{"introduced": "1.9"}], [], True),
        ("1.8", [{"introduced": "1.9"}], [], False),
        ("1.5", [{"introduced": "0"}, {"last_affected": "1.5"}], [], True),
        ("1.6", [{"introduced": "0"}, {"last_affected": "1.5"}], [], False),
        ("2.1", [{"fixed": "1.5"}, {"introduced": "2.0"}, {"introduced": "0"}], [], True),
        ("1.7", [{"fixed": "1.5"}, {"introduced": "2.0"}, {"introduced": "0"}], [], False),
        ("7", [{"introduced": "9"}], ["7"], True),
    ],
)
def test_a_version_is_affected_as_the_schema_says(
    version: str, events: list[dict[str, str]], versions: list[str], expected: bool
) -> None:
    (affected,) = record("x", "PyPI", events, versions=versions)["affected"]
    assert advisories.is_affected(version, affected) is expected


@pytest.mark.parametrize(
    ("events", "versions", "expected"),
    [
        ([{"introduced": "0"}, {"fixed": "1.5.0"}], [], ">=0.0.0-0 <1.5.0"),
        ([{"introduced": "1.0.0"}, {"last_affected": "1.10.0"}], [], ">=1.0.0 <=1.10.0"),
        (
            [{"introduced": "2.0.0"}, {"fixed": "1.0.0"}, {"introduced": "0"}],
            ["3.0.0"],
            "=3.0.0 || >=0.0.0-0 <1.0.0 || >=2.0.0",
        ),
        ([{"fixed": "1.0.0-rc.10"}, {"introduced": "1.0.0-rc.9"}], [], ">=1.0.0-rc.9 <1.0.0-rc.10"),
    ],
)
def test_affected_versions_are_written_as_npm_reads_them(
    events: list[dict[str, str]], versions: list[str], expected: str
) -> None:
    assert (
        advisories.npm_range(record("x", "npm", events, versions=versions)["affected"]) == expected
    )


def test_a_withdrawn_record_counts_no_more(tmp_path: Path) -> None:
    export(tmp_path, "PyPI", WEAK_PYTHON | {"withdrawn": "2026-11-30T00:00:00Z"})
    found = advisories.Export(tmp_path, "PyPI")
    query = {"package": {"name": "Weak_Package"}, "version": "1.4"}
    assert advisories.osv_answer(found, query) == {}
    found.close()
    (tmp_path / "PyPI" / "all.zip").unlink()
    (tmp_path / "PyPI").rmdir()
    export(tmp_path, "PyPI", WEAK_PYTHON)
    found = advisories.Export(tmp_path, "PyPI")
    assert advisories.osv_answer(found, query) == {"vulns": [WEAK_PYTHON]}
    found.close()
