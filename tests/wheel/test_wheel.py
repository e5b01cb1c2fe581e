"""The wheel, installed into an empty environment and run in an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from warmlens.paths import ROOT, WEB

PHOTO = WEB / "samples" / "mango-can.jpg"
ANSWER = {
    "method": "classification",
    "TOP1_ID": "0007",
    "TOP1_label": "Mango can",
    "TOP1_softmax": 0.98,
    "time": 0.013,
    "cold_start": False,
    "init_ms": 74.0,
}


class Api(BaseHTTPRequestHandler):
    """The API's two calls and the bucket's, as far as `classify` needs them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        base = f"http://{self.headers['Host']}"
        answers = {
            "/uploads": {"url": f"{base}/bucket", "fields": {"key": "k"}, "file_path": "k"},
            "/bucket": {},
            "/classification": ANSWER,
        }
        body = json.dumps(answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("warmlens", "training", "lab", "tests/unit"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    pip("wheel", "--no-deps", "--wheel-dir", str(source), str(source))
    (built,) = source.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    pip("install", "--constraint", str(ROOT / "requirements-dev.txt"), str(wheel), python=python)
    return folder / "bin" / "warmlens"


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def pip(*arguments: str, python: str = sys.executable) -> None:
    command = [python, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *arguments[1:]], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr


def run(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command line in an empty folder, with a home of its own."""
    (folder / "empty").mkdir()
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder / "empty",
        env={"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()}


def test_the_wheel_has_the_product_and_training_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "warmlens",
        "training",
    }
    assert "warmlens/prices/us-east-1.json" in names
    assert any(name.startswith("warmlens/planner/") and name.endswith(".jsonl") for name in names)


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "warmlens", "training"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in listed if (ROOT / name).exists()} <= set(archive.namelist())


def test_it_prints_its_version(program: Path, tmp_path: Path) -> None:
    done = run(program, tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, "warmlens 0.1.0\n")


def test_it_classifies_a_photo(program: Path, tmp_path: Path, url: str) -> None:
    done = run(program, tmp_path, "classify", str(PHOTO), "--url", url)
    assert done.returncode == 0, done.stderr
    assert "Mango can" in done.stdout
    assert "13 ms in the function, on a warm instance" in done.stdout


def test_it_plans_and_writes_nothing_beside_itself(program: Path, tmp_path: Path) -> None:
    before = files(program.parents[1])
    done = run(program, tmp_path, "plan", "--rps", "0.01", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "a month" in done.stdout
    assert files(program.parents[1]) == before
    assert not list((tmp_path / "empty").iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("local", "up"), "no_checkout: warmlens local up works only in a checkout"),
        (("model", "train", "--data", "."), "pip install 'warmlens[training]'"),
        (("model", "list"), "model_artifacts"),
        (("classify", "photo.jpg"), "not_found"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(
    program: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run(program, tmp_path, *arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
