"""Clients that others generate or write classify photos by the local cloud.

`make clients` installs the generators.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SAMPLE_LABEL, Cloud
from warmlens.paths import ROOT, STATE, WEB

HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs" / "openapi.json"
PHOTO = WEB / "samples" / "mango-can.jpg"
TOOLS = STATE / "tools" / "clients" / "bin"
NODE_MODULES = HERE / "node_modules"
EXPECTED = [
    f"call {SAMPLE_LABEL} 3",
    f"upload {SAMPLE_LABEL} 5",
    "refused unsupported_type",
    "knows True 30",
]


def run(*command: str | Path, folder: Path) -> str:
    """Run a program; return what it printed."""
    path = f"{TOOLS}:{NODE_MODULES / '.bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_document_is_one_of_openapi(tmp_path: Path) -> None:
    run("openapi-spec-validator", "--errors", "all", DOCUMENT, folder=tmp_path)
    broken = json.loads(DOCUMENT.read_text())
    del broken["paths"]["/wakeup"]["post"]["responses"]["200"]["description"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    with pytest.raises(AssertionError, match="description"):
        run("openapi-spec-validator", "broken.json", folder=tmp_path)


def test_a_client_in_python_classifies_by_both_ways(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"package_name_override": "warmlens_generated"}')
    printed = run(
        "openapi-python-client", "generate", "--path", DOCUMENT, "--config", "config.json",
        "--meta", "none", "--output-path", "warmlens_generated", folder=tmp_path,
    )  # fmt: skip
    # It knows no image types, and takes application/octet-stream for photos instead.
    skipped = [line for line in printed.splitlines() if line.startswith("WARNING")]
    assert len(skipped) == printed.count("Unsupported content type image/"), printed
    found = run(TOOLS / "python", HERE / "in_python.py", cloud.url, PHOTO, folder=tmp_path)
    assert found.splitlines() == EXPECTED


def test_a_client_in_typescript_classifies_by_both_ways(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run("openapi-typescript", DOCUMENT, "--output", "warmlens.d.ts", folder=tmp_path)
    program = tmp_path / "in_typescript.ts"
    program.write_text((HERE / program.name).read_text())
    options = ("--strict", "--noUncheckedIndexedAccess", "--target", "es2022")
    run("tsc", *options, "--module", "nodenext", "--types", "node", program, folder=tmp_path)
    found = run("node", "in_typescript.js", cloud.url, PHOTO, folder=tmp_path)
    assert found.splitlines() == EXPECTED


@pytest.mark.parametrize("language", ["swift", "kotlin"])
def test_the_docs_examples_for_phones_can_be_parsed(language: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    in_the_call, wake = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    mobile = (ROOT / "docs" / "mobile.md").read_text()
    (resize,) = re.findall(rf"^```{language}\n(.*?)^```", mobile, re.DOTALL | re.MULTILINE)
    files = {"call": in_the_call, "wake": wake, "resize": resize}
    for name, code in files.items():
        (tmp_path / name).write_text(code)
    parse = (TOOLS / "python", HERE / "parse.py", language)
    run(*parse, *files, folder=tmp_path)
    (tmp_path / "call").write_text(in_the_call.replace(")", "", 1))
    with pytest.raises(AssertionError, match=r"ERROR|MISSING"):
        run(*parse, "call", folder=tmp_path)
