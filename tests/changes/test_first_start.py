"""`make run` in a new clone, with all its downloads; then again; then without a network."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import closed_port
from warmlens.paths import ROOT

TIMEOUT_S = 900
# pip's lines, and our own for the environments.
OF_PIP = re.compile(r"^\s*Downloading \S+(?<!\.metadata) \((\S+) ([kM]B)\)$", re.MULTILINE)
OF_ENVIRONMENTS = re.compile(r"^    \S+ \S+, (\S+) ([kM]B)$", re.MULTILINE)
# Files in a folder of this machine are no download.
FROM_AN_INDEX = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}
# Of a make that runs the tests: one inside of it names the folders that it enters.
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
# Wheels of other versions of Python and other machines differ in size.
TOLERANCE = 0.15


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone of this checkout, with the changes that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = tmp_path / "clone"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder)  # a gigabyte


def make_run(clone: Path, **variables: str) -> str:
    """Run `make run`, and `make down` when it is ready; return the output."""
    path = clone.parent / "output.txt"
    own = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    with path.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            ["make", "run", "PORT=0"],
            cwd=clone,
            env={**own, **FROM_AN_INDEX, **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline_s = time.monotonic() + TIMEOUT_S
    try:
        while process.poll() is None and "  Stop  " not in path.read_text(encoding="utf-8"):
            assert time.monotonic() < deadline_s, path.read_text(encoding="utf-8")
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            subprocess.run(["make", "down"], cwd=clone, capture_output=True, check=False)
        process.wait(120)
    return path.read_text(encoding="utf-8")


def megabytes(lines: re.Pattern[str], output: str) -> float:
    return sum(
        float(number) / (1 if unit == "MB" else 1000) for number, unit in lines.findall(output)
    )


def ready_s(output: str) -> int:
    found = re.search(r"^Ready after (\d+) s\.$", output, re.MULTILINE)
    assert found, output
    return int(found[1])


@pytest.mark.timeout(3 * TIMEOUT_S)
def test_a_first_start_downloads_what_it_says_and_counts_all_of_it(clone: Path) -> None:
    begun_s = time.time()
    first = make_run(clone)
    installed_s = (clone / ".venv" / ".run").stat().st_mtime - begun_s
    steps_s = sum(map(float, re.findall(r"^  . .* \((\d+\.\d) s\)$", first, re.MULTILINE)))
    assert ready_s(first) > installed_s
    assert ready_s(first) > steps_s

    ((whole_mb, install_mb),) = re.findall(
        r"The first start downloads (\d+) MB.*CDK library \((\d+) MB\)", first, re.DOTALL
    )
    (labels,) = re.findall(r"^    Downloads, the first time only: (.*)$", first, re.MULTILINE)
    parts_mb = [int(install_mb), *map(int, re.findall(r"(\d+) MB", labels))]
    assert sum(parts_mb) == int(whole_mb)
    environments_mb = sum(parts_mb[1:])
    assert megabytes(OF_PIP, first) == pytest.approx(parts_mb[0], rel=TOLERANCE), first
    assert megabytes(OF_ENVIRONMENTS, first) == pytest.approx(environments_mb, rel=TOLERANCE), first

    second = make_run(clone)
    assert "ownload" not in second
    assert ready_s(second) < ready_s(first)

    shutil.rmtree(clone / ".warmlens" / "environments")
    with closed_port() as nowhere:
        third = make_run(clone, PIP_INDEX_URL=nowhere, PIP_EXTRA_INDEX_URL="", PIP_RETRIES="0")
    assert "Check the network; behind a proxy, export HTTPS_PROXY" in third
    assert "Traceback" not in third
