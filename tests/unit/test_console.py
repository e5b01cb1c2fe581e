r"""Literal printing of text, with control characters escaped."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from rich.table import Table

from tests.invoke import Result, invoke
from tests.unit.registry.version_copy import NAME, copy_version, edit_manifest
from warmlens.cli import app
from warmlens.console import out, printable
from warmlens.doctor.check import Check
from warmlens.local.state import RunningCloud
from warmlens.paths import ROOT

HALF = "tea\ud800"  # of a surrogate pair, which is no text in UTF-8
# What is in a file or an answer, and what is printed.
TEXTS = {
    "Tea [/bag]": "Tea [/bag]",
    "Cola [zero]": "Cola [zero]",
    "[red]Tomato[/red]": "[red]Tomato[/red]",
    ":smile: tea": ":smile: tea",
    "tea\x1b[2Jcola": r"tea\x1b[2Jcola",
    "\u202etea": r"\u202etea",
    HALF: r"tea\ud800",
    "tea\x07\x9b": r"tea\x07\x9b",
}
BY_MARKUP = ("rich.print", "typer.secho", "out.status", "err.status", "Text.from_markup", "Spinner")
DIRECT = ("typer.echo", "print", "sys.stdout.write", "sys.stderr.write", "click.echo")
ASKING = ("typer.confirm", "typer.prompt", "input")
Run = Callable[..., Result]


@pytest.fixture(params=TEXTS)
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: invoke(app, *arguments, terminal=request.param)


def shows(result: Result, text: str) -> None:
    assert TEXTS[text] in result.output
    assert not {"\x1b", "\u202e", "\ud800", "\x07", "\x9b"} & set(result.stdout)
    assert text == TEXTS[text] or text not in result.stderr  # a spinner has escapes of its own


def test_classify_prints_a_label_as_it_is(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = {"TOP1_ID": "7", "TOP1_label": text, "TOP1_softmax": 0.9}
    answer = {**top, "time": 0.1, "cold_start": False, "init_ms": 0}
    monkeypatch.setattr("warmlens.classify.classify", lambda image, **options: answer)
    result = run("classify", "photo.jpg", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 0
    shows(result, text)


def test_an_error_is_one_line_whatever_is_in_it(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: Path, **options: object) -> None:
        raise OSError(1, f"{text}\nnext", "photo.jpg")

    monkeypatch.setattr("warmlens.classify.classify", fail)
    result = run("classify", "photo.jpg", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert sum("file_error" in line for line in lines) == 1
    assert "photo.jpg" in lines[-1]
    assert "next" in lines[-1]
    shows(result, text)


def test_model_list_prints_an_architecture_as_it_is(run: Run, text: str, tmp_path: Path) -> None:
    edit_manifest(copy_version(tmp_path), "architecture", text)
    result = run("model", "list", "--models", str(tmp_path))
    if text == TEXTS[text]:  # a manifest with the others is not read
        shows(result, text)


def test_model_diff_prints_values_as_they_are(run: Run, text: str, tmp_path: Path) -> None:
    before = copy_version(tmp_path)
    after = before.rename(tmp_path / "copy")
    copy_version(tmp_path)
    after = after.rename(before.with_name("1.2.0"))
    edit_manifest(after, "version", "1.2.0")
    edit_manifest(after, "provenance.licence", text)
    result = run("model", "diff", NAME, "1.1.0", "1.2.0", "--models", str(tmp_path))
    if text != TEXTS[text]:
        code = "not_json" if text == HALF else "bad_field"
        assert code in result.stderr
        return
    assert result.exit_code == 0, result.output
    shows(result, text)


def test_local_status_prints_an_answer_as_it_is(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = {"id": text, "state": "idle", "version": text, "calls": 1, "init_ms": 1, "rss_mb": 1}
    answer = dict.fromkeys(("url", "aws_endpoint_url", "log", "limits", "tmp"), text)
    monkeypatch.setattr(
        "warmlens.local.commands.running_cloud", lambda folder: RunningCloud(1, 1, "http://x")
    )
    monkeypatch.setattr(
        httpx,
        "get",
        lambda *_, **__: httpx.Response(200, text=json.dumps({**answer, "instances": [instance]})),
    )
    result = run("local", "status")
    assert result.exit_code == 0, result.output
    shows(result, text)


def test_doctor_prints_output_of_programs_literally(
    run: Run, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Check(name="Node", goal="run", state="ok", found=text, mend=text)
    monkeypatch.setattr("warmlens.doctor.machine.machine_checks", lambda running: iter([check]))
    monkeypatch.setattr("warmlens.doctor.account.account_checks", lambda *_: iter([]))
    result = run("doctor")
    assert result.exit_code == 0, result.output
    shows(result, text)
    assert "[green]" not in result.output


def test_a_table_in_a_pipe_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("a", "b")
    table.add_row("one\ttab", "two\nlines")
    out.print_table(table)
    assert capsys.readouterr().out == "a\tb\none tab\ttwo lines\n"


def test_text_for_people_is_left_as_it_is() -> None:
    text = "Čaj 茶 😀 été\tx\n"
    assert printable(text) == text


def sources() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("warmlens", "warmlens_client", "training", "lab"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            yield from ((name, node) for node in ast.walk(ast.parse(path.read_text())))


def test_every_command_prints_through_the_one_console() -> None:
    own_text = {"warmlens/command_line.py", "warmlens/cli.py"}  # help, the version
    wrong = []
    for name, node in sources():
        if isinstance(node, ast.ImportFrom) and node.module == "rich.console":
            imported = {alias.name for alias in node.names}
            if "Console" in imported and name != "warmlens/console.py":
                wrong.append(f"{name}:{node.lineno} imports a console")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in BY_MARKUP:
            wrong.append(f"{name}:{node.lineno} calls {called}")
        if called == "TextColumn" and not any(each.arg == "markup" for each in node.keywords):
            wrong.append(f"{name}:{node.lineno} reads markup")
        shown = ast.unparse(node.args[0]) if node.args else ""
        if called in ASKING and not shown.startswith(("printable(", "'")):
            wrong.append(f"{name}:{node.lineno} asks by text that is not escaped")
        if called in DIRECT and name not in own_text:
            if not shown.startswith(("json.dumps(", "write_records(")):
                wrong.append(f"{name}:{node.lineno} prints text")
            if "ensure_ascii" in ast.unparse(node):
                wrong.append(f"{name}:{node.lineno} prints JSON that is not ASCII")
    assert not wrong
