"""The wheels, each installed into an empty environment and run in an empty folder."""

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
    "predictions": [{"id": "0007", "label": "Mango can", "softmax": 0.98}],
    "cold_start": False,
    "init_ms": 74.0,
    "model": "products-resnet50",
    "version": "1.0.0",
    "instance_id": "i-1",
    "stages_ms": {"decode": 3.0, "inference": 9.0},
}


class Api(BaseHTTPRequestHandler):
    """The API's two calls and the bucket's, as far as `classify` needs them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        base = f"http://{self.headers['Host']}"
        answers = {
            "/uploads": {
                "url": f"{base}/bucket",
                "fields": {"key": "k"},
                "file_path": "k",
                "delete_token": "t",
            },
            "/bucket": {},
            "/classification": ANSWER,
        }
        path = self.path.partition("?")[0]
        error = {"error": {"code": "no_such_call", "message": "There is no such call."}}
        body = json.dumps(answers.get(path, error)).encode()
        self.send_response(200 if path in answers else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels by their packages, built by the README's command."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("warmlens", "warmlens_client", "training", "lab", "tests/unit"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    pip("wheel", "--no-deps", ".", "./warmlens_client", folder=source)
    return {path.name.partition("-")[0]: path for path in source.glob("*.whl")}


@pytest.fixture(scope="session")
def program(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(*wheels.values(), folder=tmp_path_factory.mktemp("environment")) / "warmlens"


@pytest.fixture(scope="session")
def python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the client alone."""
    folder = tmp_path_factory.mktemp("client")
    return installed(wheels["warmlens_client"], folder=folder) / "python"


def installed(*wheels: Path, folder: Path) -> Path:
    """Install wheels into an empty environment; return the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    names = [str(wheel) for wheel in wheels]
    versions = ("--constraint", str(ROOT / "requirements-dev.txt"))
    pip("install", *versions, *names, python=str(folder / "bin" / "python"))
    return folder / "bin"


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def pip(*arguments: str, python: str = sys.executable, folder: Path = Path("/")) -> None:
    command = [python, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *arguments[1:]], capture_output=True, text=True, check=False, cwd=folder
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


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_each_wheel_has_its_packages_and_nothing_else(wheels: dict[str, Path]) -> None:
    packages = {
        name: {each.partition("/")[0] for each in names_in(wheel) if ".dist-info/" not in each}
        for name, wheel in wheels.items()
    }
    assert packages == {
        "warmlens": {"warmlens", "training"},
        "warmlens_client": {"warmlens_client"},
    }
    names = names_in(wheels["warmlens"])
    assert "warmlens/prices/us-east-1.json" in names
    assert any(name.startswith("warmlens/planner/") and name.endswith(".jsonl") for name in names)
    for wheel in wheels.values():
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names_in(wheel))


def test_every_file_of_the_packages_is_in_its_wheel(wheels: dict[str, Path]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "warmlens", "training", "warmlens_client"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    of_the_folder = {
        f"warmlens_client/{name}" for name in ("pyproject.toml", "README.md", "LICENSE")
    }
    expected = {name for name in listed if (ROOT / name).exists()} - of_the_folder
    assert expected <= {name for wheel in wheels.values() for name in names_in(wheel)}


CALLER = """
import os
import sys

from warmlens_client import Classification, Client, WarmlensApiError


def label(url: str, photo: str) -> str:
    with Client(url) as client:
        answer: Classification = client.classify(photo, top=3)
        try:
            client.wake()
        except WarmlensApiError as error:
            return f"{answer.best.label}, {error.code}, {error.status}"
    return answer.best.label


if __name__ == "__main__":
    print(label(*sys.argv[1:]))
    loaded = {name.partition(".")[0] for name in sys.modules}
    print(sorted(loaded & {"warmlens", "PIL", "boto3", "aws_cdk"}))
"""


def test_the_client_works_alone_and_needs_httpx_alone(
    python: Path, tmp_path: Path, url: str
) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    done = subprocess.run(
        [python, "caller.py", url, PHOTO], cwd=tmp_path, env={}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == "Mango can, no_such_call, 404\n[]\n", done.stderr
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    names = {line.partition("=")[0] for line in listed} - {"pip", "setuptools"}
    of_httpx = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "typing_extensions"}
    assert names == {"warmlens-client"} | of_httpx


def test_the_client_is_typed_for_those_who_import_it(python: Path, tmp_path: Path) -> None:
    caller = tmp_path / "caller.py"

    def mypy(code: str) -> str:
        caller.write_text(code)
        command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)]
        options = ["--cache-dir", str(tmp_path / "cache"), "--config-file", os.devnull]
        return subprocess.run(
            [*command, *options, str(caller)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip

    assert "Success" in mypy(CALLER)
    wrong = mypy(CALLER.replace("return answer.best.label\n", "return answer.best.softmax\n"))
    assert 'got "float", expected "str"' in wrong


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
