"""The command line: errors, start-up time, help and completion."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
import typer

from tests import environments_as_shipped
from tests.conftest import WARMLENS
from tests.invoke import Result, invoke
from warmlens import completion
from warmlens.cli import app
from warmlens.errors import WarmlensError
from warmlens.paths import ROOT
from warmlens.registry.commands import TRAINING_COMMANDS
from warmlens.warm import warm

URL = ("--url", "http://127.0.0.1:9")
# Packages that take long to import and that no help text needs.
HEAVY = {
    "PIL", "aiohttp", "asyncio", "boto3", "botocore", "httpx", "jsonschema", "numba", "numpy",
    "onnxruntime", "psutil", "pydantic", "rich.markdown", "torch",
}  # fmt: skip


def commands(command: Any, name: str = "warmlens") -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name."""
    children = getattr(command, "commands", {})
    if not children or command.invoke_without_command:
        yield name, command
    for child in list(children):
        yield from commands(children[child], f"{name} {child}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_only_an_environment_with_pings_has_a_warmer() -> None:
    nobody: Any = None  # no call is made
    with pytest.raises(WarmlensError, match="dev has no warmer: set its warming = 'ping'"):
        warm({}, nobody, "dev", 5)


def fails(monkeypatch: pytest.MonkeyPatch, error: BaseException, *options: str) -> Result:
    def fail(image: Path, **_: object) -> None:
        raise error

    monkeypatch.setattr("warmlens.classify.classify", fail)
    return invoke(app, "classify", "photo.jpg", *URL, *options)


FAILURES = [
    (WarmlensError("refused", "Slow down.", exit_code=4), 4, "refused", "Slow down."),
    (
        FileNotFoundError(2, "No such file or directory", "photo.jpg"),
        1,
        "file_error",
        "photo.jpg: No such file or directory",
    ),
    (
        botocore.exceptions.NoCredentialsError(),
        3,
        "aws_refused",
        "AWS refused the request: Unable to locate credentials",
    ),
    (
        botocore.exceptions.ClientError({"Error": {"Code": "No", "Message": "no"}}, "Get"),
        3,
        "aws_refused",
        "AWS refused the request: An error occurred (No) when calling the Get operation: no",
    ),
    (
        ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
        1,
        "package_missing",
        "The package torch is not installed: run make training in a checkout, or pip install "
        "'warmlens[training]' where the wheel is installed.",
    ),
    (
        ModuleNotFoundError("No module named 'psutil'", name="psutil"),
        1,
        "package_missing",
        "The package psutil is not installed: run make run in a checkout, or pip install "
        "'warmlens[local]' where the wheel is installed.",
    ),
    (KeyboardInterrupt(), 130, "stopped", "Ctrl-C was pressed."),
]


@pytest.fixture
def pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


@pytest.mark.parametrize(("error", "exit_code", "code", "message"), FAILURES)
def test_a_failure_is_one_line_or_a_document(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, exit_code: int, code: str, message: str
) -> None:
    line = fails(monkeypatch, error)
    assert (line.exit_code, line.stdout) == (exit_code, "")
    assert line.stderr == f"{code}: {message}\n"
    document = fails(monkeypatch, error, "--json")
    assert (document.exit_code, document.stderr) == (exit_code, "")
    assert json.loads(document.stdout) == {"error": {"code": code, "message": message}}


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        fails(monkeypatch, ZeroDivisionError())
    with pytest.raises(ModuleNotFoundError):
        fails(monkeypatch, ModuleNotFoundError("warmlens.absent", name="warmlens.absent"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clasify",), "Did you mean 'classify'? For help: "),
        (("classify",), "Missing argument 'image'. For help: "),
        (("warm", "0"), "Invalid value for 'instances'"),
        (("local", "up", "--prot", "1"), "No such option: --prot"),
        (("plan", "--backend", "excel"), "Invalid value for '--backend'"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line_or_a_document(
    arguments: tuple[str, ...], words: str
) -> None:
    line = invoke(app, *arguments)
    assert (line.exit_code, line.stdout) == (2, "")
    assert line.stderr.startswith("usage: ")
    assert line.stderr.count("\n") == 1
    assert words in line.stderr
    document = invoke(app, *arguments, "--json")
    error = json.loads(document.stdout)["error"]
    assert (document.exit_code, document.stderr, error["code"]) == (2, "", "usage")


def test_json_after_the_end_of_the_options_is_an_argument() -> None:
    result = invoke(app, "classify", "photo.jpg", "--", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "unexpected extra argument" in result.stderr


@pytest.mark.usefixtures("pytorch")
@pytest.mark.parametrize("arguments", [(), ("local",), ("model",), ("model", "data")])
def test_without_arguments_a_group_prints_its_help(arguments: tuple[str, ...]) -> None:
    result = invoke(app, *arguments)
    assert (result.exit_code, result.stderr) == (2, "")
    assert result.stdout.startswith("Usage: ")
    first = {(): "Use the service:", ("model",): "Make a version:"}
    assert first.get(arguments, "Commands:") in result.stdout


@pytest.mark.usefixtures("pytorch")
@pytest.mark.parametrize("path", [(), ("model",)])
def test_help_sorts_every_command_by_who_needs_it(path: tuple[str, ...]) -> None:
    group: Any = typer.main.get_command(app)
    for name in path:
        group = group.commands[name]
    listed = [name for names in group.sections.values() for name in names]
    assert sorted(listed) == sorted(group.commands) == sorted(set(listed))
    text = invoke(app, *path, "--help").stdout
    titles = [text.index(f"\n{title}:\n") for title in group.sections]
    assert titles == sorted(titles)
    assert all(re.search(rf"^  {name} +\S", text, re.MULTILINE) for name in listed)


@pytest.mark.parametrize("arguments", [("--help",), ("model", "list"), ("clasify", "--json")])
def test_a_reader_who_has_gone_ends_a_command_quietly(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [WARMLENS, *arguments], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (result.returncode, result.stderr) == (1, b"")


def test_ctrl_c_ends_a_command_with_one_line() -> None:
    script = (
        "import signal\n"
        # A shell starts what runs in the background without Ctrl-C, and so its children.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from warmlens import classify\n"
        "classify.classify = lambda *_, **__: signal.raise_signal(signal.SIGINT)\n"
        "from warmlens.cli import main\n"
        "main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "classify", "photo.jpg", *URL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (130, "stopped: Ctrl-C was pressed.\n")


def test_help_and_the_version_import_nothing_heavy() -> None:
    helps = [[*name.split()[1:], "--help"] for name in COMMANDS]
    script = (
        "import sys\n"
        "from warmlens.cli import app\n"
        "from warmlens.command_line import run\n"
        f"for arguments in {[['--help'], ['--version'], *helps]!r}:\n"
        "    assert run(app, arguments) == 0, arguments\n"
        f"    assert not {HEAVY!r} & set(sys.modules), arguments\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_its_options_allow(name: str) -> None:
    command = COMMANDS[name]
    assert command.epilog, f"{name} has no example"
    assert command.epilog.startswith(f"Example: {name}")
    words = shlex.split(command.epilog.removeprefix("Example: "))[len(name.split()) :]
    command.make_context(name, words)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_no_type_beside_a_flag(name: str) -> None:
    text = invoke(app, *name.split()[1:], "--help").stdout
    assert "--help" in text
    assert "<bool>" not in text
    assert str(ROOT) not in text


@pytest.mark.parametrize("name", ["local", "model", "plan"])
def test_a_group_is_described_the_same_in_both_places(name: str) -> None:
    root = invoke(app, "--help").stdout
    text = " ".join(invoke(app, name, "--help").stdout.split())
    (line,) = [line for line in root.splitlines() if line.startswith(f"  {name} ")]
    assert line.split(maxsplit=1)[1] in text


def completed(*words: str, cursor: str = "") -> list[str]:
    """Return bash's completions after these words."""
    result = subprocess.run(
        [WARMLENS],
        cwd=ROOT,
        env={
            **os.environ,
            "_WARMLENS_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(["warmlens", *words, cursor]),
            "COMP_CWORD": str(len(words) + 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.parametrize(
    ("words", "cursor", "offered"),
    [
        ("", "pl", ["plan"]),
        ("page --env", "loc", ["local"]),
        ("model serve", "prod", ["products-resnet50"]),
        ("model verify products-resnet50", "", ["1.1.0"]),
        ("model diff products-resnet50 1.1.0", "1", ["1.1.0"]),
        ("local up --model", "products-resnet50@", ["products-resnet50@1.1.0"]),
        ("plan simulate --memory-mb", "1", ["1024", "1769"]),
        ("model", "exp", ["export"] if importlib.util.find_spec("torch") else []),
    ],
)
def test_the_shell_completes_values(words: str, cursor: str, offered: list[str]) -> None:
    assert completed(*words.split(), cursor=cursor) == offered


def test_the_environments_that_a_user_wrote_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "ROOT", tmp_path)
    assert completion.environments() == ["local"]
    file = tmp_path / "environments.py"
    shutil.copy(environments_as_shipped.__file__, file)
    file.write_text(f"{file.read_text()}\nENVIRONMENTS += (Settings(env_name='japan'),)\n")
    assert completion.environments() == ["dev", "staging", "prod", "japan", "local"]
    file.write_text("ENVIRONMENTS = (")
    assert completion.environments() == ["local"]


def test_models_in_another_folder_are_completed(tmp_path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        folder = tmp_path / "mine" / version
        folder.mkdir(parents=True)
        (folder / "manifest.json").touch()
    place = ("--models", str(tmp_path))
    assert completed("model", "verify", *place) == ["mine"]
    assert completed("model", "verify", *place, "mine") == ["1.0.0", "2.0.0"]


@pytest.fixture
def no_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name)
    )


@pytest.mark.usefixtures("no_pytorch")
@pytest.mark.parametrize("name", TRAINING_COMMANDS)
def test_without_pytorch_a_command_of_training_says_how_to_install_it(name: str) -> None:
    line = invoke(app, "model", name, "--seed", "1", "x")
    assert (line.exit_code, line.stdout) == (1, "")
    assert line.stderr.startswith("package_missing: ")
    assert "run make training in a checkout, or pip install 'warmlens[training]'" in line.stderr
    assert line.stderr.count("\n") == 1
    document = invoke(app, "model", name, "--json")
    assert (document.exit_code, document.stderr) == (1, "")
    assert json.loads(document.stdout)["error"]["code"] == "package_missing"


@pytest.mark.usefixtures("no_pytorch")
@pytest.mark.parametrize("name", TRAINING_COMMANDS)
def test_without_pytorch_a_command_of_training_still_prints_its_help(name: str) -> None:
    result = invoke(app, "model", name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f" model {name} " in result.stdout.splitlines()[0]


def test_without_the_package_training_its_commands_say_how_to_install_it() -> None:
    script = (
        "from importlib import metadata\n"
        "metadata.entry_points = lambda **_: []\n"
        "from warmlens.cli import main\n"
        "main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "model", "train", "--seed", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("package_missing: ")


@pytest.mark.usefixtures("no_pytorch")
def test_without_pytorch_help_does_not_show_the_commands_of_training() -> None:
    text = invoke(app, "model", "--help").stdout
    assert "  publish " in text
    assert not [name for name in TRAINING_COMMANDS if f"  {name} " in text]


@pytest.mark.usefixtures("pytorch")
def test_with_pytorch_help_shows_the_commands_of_training() -> None:
    text = invoke(app, "model", "--help").stdout
    assert all(f"  {name} " in text for name in TRAINING_COMMANDS)


def test_the_commands_of_training_are_known_by_name() -> None:
    from training.commands import app as training

    assert set(typer.main.get_group(training).commands) == set(TRAINING_COMMANDS)
