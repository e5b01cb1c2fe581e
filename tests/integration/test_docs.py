"""The docs are true: commands exist, examples run, generated pages are current."""

import json
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from lab.__main__ import app as lab
from tests.busy_instances import fleet
from tests.conftest import SAMPLE_LABEL, WARMLENS, Cloud
from tests.ports import closed_port
from tests.unit.test_command_line import COMMANDS
from warmlens.cli import app as warmlens
from warmlens.paths import ROOT

DOCS = ROOT / "docs"
PROGRAMS = {"warmlens": warmlens, "python -m lab": lab}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in DOCS.rglob("*.md") if "decisions" not in path.parts),
]
# Of programs that this project neither is nor brings.
FOREIGN = {"aws", "cd", "cp", "export", "git", "rm", "sed", "sudo", "docker", "."}
INSTALL_THE_CLIENT = ["install", "./warmlens_client"]
ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=.*")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def shell_commands() -> list[tuple[str, str]]:
    return [
        (page.relative_to(ROOT).as_posix(), line)
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]


def inline_commands() -> list[tuple[str, str]]:
    return sorted(
        {
            (page.relative_to(ROOT).as_posix(), " ".join(text.split()))
            for page in PAGES
            for text in re.findall(
                rf"(?<!`)`(?!.*\.\.\.`)((?:\.venv/bin/)?(?:{'|'.join(PROGRAMS)}) [^`]+)`",
                page.read_text(),
            )
        }
    )


def command_of(line: str) -> tuple[Any, list[str]]:
    """Return the command that a line names, and the words that are left for it."""
    (program,) = [name for name in PROGRAMS if line.removeprefix(".venv/bin/").startswith(name)]
    command: Any = typer.main.get_command(PROGRAMS[program])
    words = shlex.split(line.removeprefix(".venv/bin/").removeprefix(program), comments=True)
    while hasattr(command, "commands"):
        if not words or words[0] not in command.commands:
            return command, words
        command, words = command.commands[words[0]], words[1:]
    return command, words


@cache
def cdk_commands() -> set[str]:
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    result = subprocess.run(
        [str(cdk), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"},
    )
    return set(re.findall(r"^  cdk (\w+)", result.stdout, re.MULTILINE))


def check_own(line: str) -> None:
    command, rest = command_of(line)
    works_alone = getattr(command, "invoke_without_command", True)  # as `warmlens plan` does
    assert works_alone, f"there is no command {line}"
    command.make_context(command.name, rest)  # raises what the command line reports


def check_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    for word in words:
        name, is_variable, _ = word.partition("=")
        assert f"$({name})" in makefile if is_variable else name in phony.split()


def check_pip(words: list[str]) -> None:
    if words[:2] == ["install", "-r"]:
        assert (ROOT / words[2]).is_file()
    else:
        # What tests/wheel runs.
        assert words in (["wheel", "--no-deps", ".", "./warmlens_client"], INSTALL_THE_CLIENT)


@pytest.mark.parametrize(("page", "line"), shell_commands())
def test_every_command_is_one_that_exists_and_takes_these_options(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    while ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    if words[0] == "eval":  # of what a command prints
        words = shlex.split(words[1].removeprefix("$(").removesuffix(")"))
    program, rest = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "warmlens" or rest[:2] == ["-m", "lab"]:
        check_own(shlex.join([program, *rest]))
    elif program == "make":
        check_make(rest)
    elif program == "pip":
        check_pip(rest)
    elif program == "pre-commit":
        assert rest == ["install"]
    elif program == "npx":
        assert rest[0] == "cdk"
        assert rest[1] in cdk_commands()
    elif program == "curl":
        assert any("$API_URL" in word or "warmlens local url" in line for word in rest)
    elif program.startswith(".github/"):
        assert os.access(ROOT / program, os.X_OK)
    elif program in ("python", "pytest"):
        paths = [word for word in rest if "/" in word and not word.startswith("-")]
        assert all((ROOT / path.partition("::")[0]).exists() for path in paths)
    else:
        assert program in FOREIGN, f"nothing checks {program}"


@pytest.mark.parametrize(("page", "text"), inline_commands())
def test_every_command_in_a_sentence_exists_with_its_options(page: str, text: str) -> None:
    command, rest = command_of(text)
    names = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    names |= {"--help", "--install-completion"}
    is_group = hasattr(command, "commands")
    assert not [word for word in rest if word.startswith("--") and word.split("=")[0] not in names]
    assert not is_group or not rest or rest[0].startswith("-"), f"there is no command {text}"


def test_a_page_removes_what_it_has_copied_into_the_checkout() -> None:
    """`git clean` leaves what `.gitignore` names, models among it."""
    lines = shell_commands()
    copies = [
        (page, line.split()[-1])
        for page, line in lines
        if line.startswith("cp ") and not line.split()[-1].startswith(("/", "~", "$"))
    ]
    assert "docs/first-day.md" in dict(copies)
    for page, copy in copies:
        assert (page, f"rm -r {copy}") in lines


@pytest.mark.parametrize("line", [line for page, line in shell_commands() if page == "docs/api.md"])
def test_the_curl_commands_of_the_api_get_answers(cloud: Cloud, line: str) -> None:
    grant = cloud.post("uploads", {"bytes": 1}).json()
    uploaded = {"FILE_PATH": grant["file_path"], "DELETE_TOKEN": grant["delete_token"]}
    result = subprocess.run(
        ["sh", "-c", line],
        env={**os.environ, "API_URL": cloud.url, "API_KEY": "none", **uploaded},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"error"' not in result.stdout
    assert any(key in result.stdout for key in ("method", "fields", "deleted"))


EXAMPLES = [
    *((sys.executable, example) for example in blocks(DOCS / "api.md", "python")[:-1]),
    *((sys.executable, example) for example in blocks(DOCS / "client.md", "python")),
    (sys.executable, *blocks(ROOT / "warmlens_client" / "README.md", "python")),
    *(("node", example) for example in blocks(DOCS / "api.md", "javascript")[:-1]),
]


@pytest.mark.parametrize(("program", "example"), EXAMPLES)
def test_the_examples_of_the_api_and_of_its_client_classify_a_photo(
    cloud: Cloud, tmp_path: Path, program: str, example: str
) -> None:
    file = tmp_path / ("example.mjs" if program == "node" else "example.py")
    file.write_text(example)
    result = subprocess.run(
        [program, str(file)],
        cwd=ROOT,
        env={**os.environ, "API_URL": cloud.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert SAMPLE_LABEL in result.stdout


@pytest.mark.parametrize(
    ("language", "program", "call"),
    [
        ("python", sys.executable, "wake_ahead()\nwake_ahead_meanwhile()"),
        ("javascript", "node", "wakeAhead();\nsetTimeout(wakeAhead, 3000);"),
    ],
)
def test_the_examples_of_waking_ahead_wake_once_and_let_no_failure_through(
    cloud: Cloud, tmp_path: Path, language: str, program: str, call: str
) -> None:
    *_, example = blocks(DOCS / "api.md", language)
    file = tmp_path / ("example.py" if language == "python" else "example.mjs")
    file.write_text(f"{example}\n{call}\n")
    before = fleet(cloud)["calls"]
    with closed_port() as nowhere:
        for url in (cloud.url, nowhere):
            environment = {**os.environ, "API_URL": url}
            result = subprocess.run(
                [program, str(file)], env=environment, capture_output=True, text=True, check=False
            )
            assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    calls = fleet(cloud)["calls"]
    assert calls[0]["number"] == (before[0]["number"] if before else 0) + 1
    assert (calls[0]["method"], calls[0]["outcome"]) == ("wakeup", "answered")


def test_the_commands_of_the_quick_start_work(cloud: Cloud) -> None:
    options = {"classify": "--url", "local": "--folder", "warm": "--folder"}
    lines = [line for page, line in shell_commands() if page == "docs/quick-start.md"]
    own = [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/warmlens")]
    assert len(own) == 4
    for words in own:
        value = cloud.url if words[0] == "classify" else str(cloud.folder)
        result = subprocess.run(
            [WARMLENS, *words, options[words[0]], value],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "line",
    [
        line
        for page, line in shell_commands()
        if re.match(r"\.venv/bin/(warmlens plan (cost|simulate)|.* experiments client-plan) ", line)
    ],
)
def test_the_commands_that_need_no_cloud_work(line: str, tmp_path: Path) -> None:
    program, *words = shlex.split(line)
    words = [str(ROOT / word) if (ROOT / word).is_file() else word for word in words]
    result = subprocess.run(
        [WARMLENS if program.endswith("warmlens") else sys.executable, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout or list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("run", ".venv/bin/warmlens local up --port 8081"),
        ("down", ".venv/bin/warmlens local down"),
    ],
)
def test_make_starts_and_stops_what_the_tests_start_and_stop(target: str, command: str) -> None:
    make = ["make", "--dry-run", target, "PORT=8081"]
    shown = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert command in " ".join(shown.split())


def test_every_command_and_option_is_documented_and_the_page_is_current() -> None:
    for name, command in COMMANDS.items():
        assert command.help, f"{name} does not say what it does"
        for parameter in command.params:
            assert parameter.help, f"{name} {parameter.name} does not say what it is"
    making = ("warmlens.cli", "utils", "docs", "--name", "warmlens", "--title", "Commands")
    made = subprocess.run(
        [sys.executable, "-m", "typer", *making],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (DOCS / "commands.md").read_text() == made.stdout.rstrip("\n") + "\n", (
        "run: make reference"
    )


def test_every_metric_is_documented() -> None:
    sources = [path.read_text() for path in (ROOT / "lambda_src").rglob("*.py")]
    emitted = {
        name
        for source in sources
        for name in re.findall(
            r'"([A-Z][a-z]\w+)": \("(?:Count|None|Seconds|Milliseconds)"', source
        )
        + re.findall(r'(?:values\[|metrics\([^{]*\{)\s*"([A-Z][a-z]\w+)"', source)
        + re.findall(r'^        "([A-Z][a-z]\w+)": (?:round|int)\(', source, re.MULTILINE)
    }
    assert {"LatencyMs", "InitMs", "WarmCoverage", "ModelLoadFailure"} <= emitted
    watched = {
        name
        for path in (ROOT / "stacks").rglob("*.py")
        for name in re.findall(r'(?:own_metric|_own)\(\s*"(\w+)"', path.read_text())
    }
    documented = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    assert emitted | watched == documented


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The docs as a site, built without a dead link."""
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder


def test_the_site_gives_every_page_a_place_and_fetches_nothing(site: Path) -> None:
    index = (site / "index.html").read_text()
    for page in DOCS.glob("*.md"):
        assert f'href="{page.stem}.html"' in index or page.stem == "index"
    for asset in re.findall(r'(?:src|href)="(https?://[^"]+)"', index):
        assert not re.search(r"\.(js|css|woff2?|png|svg)\b", asset), (
            "the site fetches from elsewhere"
        )


@pytest.mark.parametrize(
    "question",
    [
        "cost idle", "photo cost", "cost at worst", "first visitor wait", "own model",
        "delete it all", "mobile apps", "1,000 requests a second", "privacy", "retention",
        "upgrade", "new release", "team", "limits", "why not sagemaker", "why not rekognition",
        "why not cloudflare", "why not container",
    ],
)  # fmt: skip
def test_a_question_is_a_heading_that_search_finds_and_that_the_first_page_leads_to(
    site: Path, question: str
) -> None:
    entries = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    found = [
        each["location"]
        for each in entries
        if set(question.split()) <= set(re.findall(r"[\w,]+", each["title"].lower()))
    ]
    links = re.findall(r'<td><a href="([^"]+)"', (site / "index.html").read_text())
    pages = {each.partition("#")[0] for each in links}
    assert [each for each in found if each in links or each.partition("#")[0] in pages]


def test_search_shows_decisions_after_the_pages_for_users(site: Path) -> None:
    entries = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    for each in entries:
        is_for_few = each["location"].startswith(("decisions/", "lab/"))
        assert (each.get("boost", 1) < 1) == is_for_few, each["location"]
