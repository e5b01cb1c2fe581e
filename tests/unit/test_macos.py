"""What macOS lacks is used by guarded modules alone."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.macos import MODULES, names_macos_lacks, site_without_linux_names
from warmlens.paths import ROOT
from warmlens.processors import usable_processors
from warmlens.runtime import private_tmp, process
from warmlens.runtime.cgroups import find_cgroups

SOURCES = ("app.py", "stacks", "lambda_src", "warmlens", "training", "lab")
# Modules that look first whether the system has it.
GUARDED_NAMES = {
    "warmlens/runtime/callers.py": {"AF_NETLINK"},
    "lab/bench/speed/harness.py": {"posix_fadvise", "POSIX_FADV_DONTNEED"},
}
GUARDED_FILES = {
    "lambda_src/classifier/own_process.py",
    "warmlens/records.py",
    "warmlens/runtime/cgroups.py",
    "warmlens/runtime/private_tmp.py",
    "warmlens/runtime/process.py",
    "lab/bench/processors/hiding.py",
    "lab/bench/speed/runner.py",
}
LINUX_WORDS = re.compile(r"/proc\b|/sys/|/dev/(shm|fd)|\b(prctl|setpriv|unshare|taskset|ionice)\b")
LINUX_PSUTIL = {"cpu_affinity", "rlimit", "ionice", "io_counters", "cpu_num", "memory_maps"}
# Options of GNU programs, bash 4 and GNU make 4; macOS brings BSD's, bash 3.2 and make 3.81.
GNU = re.compile(
    r"\bsed -i(?! '')|\bdate (-d|--)|\breadlink -f|\bxargs -r|\bgrep -\w*P|\bstat -c|\bnproc\b"
    r"|\bbase64 -w|\bsha256sum\b|(?<!-)\btimeout \d|\bmktemp --|-printf\b|\bcp --|\brealpath\b"
    r"|\btac\b|\bmapfile\b|\breadarray\b|\bdeclare -A|\$\{\w+(,,|\^\^)|^\.ONESHELL|\$\(file |&:|::="
    r'|(?<!\+)"\$\{\w+\[@\]\}"'
)


def trees() -> Iterator[tuple[str, ast.AST]]:
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def linux_names(tree: ast.AST) -> Iterator[str]:
    lacking = names_macos_lacks()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in MODULES:
                if name in lacking[module]:
                    yield name
            case ast.ImportFrom(module=str(module)) if module in MODULES:
                yield from (each.name for each in node.names if each.name in lacking[module])
            case ast.Attribute(attr=name) if name in LINUX_PSUTIL:
                yield name


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in the code, without its docstrings."""
    described = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in described:
                yield text


def test_typeshed_knows_what_macos_lacks() -> None:
    lacking = names_macos_lacks()
    assert {"sched_getaffinity", "memfd_create", "pidfd_open", "pipe2"} <= lacking["os"]
    assert "epoll" in lacking["select"]
    assert not {"killpg", "setsid", "geteuid", "pwrite"} & lacking["os"]


def test_no_name_is_used_that_macos_lacks() -> None:
    found = {
        f"{file}: {name}"
        for file, tree in trees()
        for name in linux_names(tree)
        if name not in GUARDED_NAMES.get(file, ())
    }
    assert not found


def test_only_guarded_modules_know_linux_files_and_programs() -> None:
    found = {file for file, tree in trees() if any(map(LINUX_WORDS.search, texts(tree)))}
    assert found == GUARDED_FILES


def test_make_and_the_docs_take_the_programs_of_macos() -> None:
    found = []
    for path in (ROOT / "Makefile", ROOT / ".ci" / "lock"):
        lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        found += [f"{path.name}:{number}: {line}" for number, line in lines if GNU.search(line)]
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            found += [f"{page.name}: {line}" for line in block.splitlines() if GNU.search(line)]
    assert not found


def test_processors_are_counted_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    assert usable_processors() == 12
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert usable_processors() == 1


def test_guarded_modules_do_without_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    process.die_with_parent.cache_clear()
    assert process.die_with_parent() == ()
    process.die_with_parent.cache_clear()
    assert private_tmp.find_private_tmp() is None
    assert find_cgroups(tmp_path / "mounts", tmp_path / "cgroup") is None


WALK = """
import sys
from warmlens.cli import app
from warmlens.command_line import run

for line in sys.argv[1:]:
    print(">", line, run(app, line.split()))
"""


def test_commands_work_without_what_macos_lacks(tmp_path: Path) -> None:
    folder, plan = tmp_path / "cloud", "--rps 0.01 --backend python"
    commands = {
        f"local status --folder {folder}": 3,
        f"local down --folder {folder}": 0,
        "model list": 0,
        "model verify products-resnet50 1.1.0": 0,
        f"plan simulate {plan} --hours 1": 0,
        f"plan cost {plan}": 0,
        "doctor": None,
    }
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", WALK, *commands],
        cwd=ROOT,
        env=site_without_linux_names(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    for command, code in commands.items():
        assert f"> {command} {'' if code is None else code}" in result.stdout, result.stderr
    assert "Error" not in result.stderr
