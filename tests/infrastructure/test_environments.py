"""environments.py: a user's own file, which a release merges with, and whose mistakes are named."""

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import settings_of, stages
from stacks.settings import SettingsError
from tests import environments_as_shipped
from warmlens.paths import ROOT

AS_SHIPPED = Path(environments_as_shipped.__file__)
READ = """
import dataclasses, json, app
print(json.dumps({each.env_name: dataclasses.asdict(each) for each in app.stages()}))
"""


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@a.example", *words]
    nobodys = {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        command, cwd=folder, env=nobodys, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def test_a_release_merges_with_the_environments_that_a_user_changed(tmp_path: Path) -> None:
    original, clone = tmp_path / "original", tmp_path / "clone"
    original.mkdir()
    shutil.copy(ROOT / "app.py", original)
    shutil.copy(AS_SHIPPED, original / "environments.py")
    for name in ("stacks", "warmlens/prices"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, original / name, ignore=ignored)
    git(original, "init", "--quiet", "--initial-branch=main")
    git(original, "add", ".")
    git(original, "commit", "--quiet", "--message=One")
    git(tmp_path, "clone", "--quiet", str(original), str(clone))

    # The user's changes: of a value, a new one, an environment that goes and one that comes.
    mine = clone / "environments.py"
    change(
        mine, "image_expiry_days=7,", 'image_expiry_days=3,\n        alarm_email="me@a.example",'
    )
    text = mine.read_text()
    staging = text[text.index('    Settings(\n        env_name="staging"') :].split("    ),\n")[0]
    change(mine, f"{staging}    ),\n", "")
    japan = '    Settings(env_name="japan", region="ap-northeast-1"),\n)\n'
    mine.write_text(mine.read_text().removesuffix(")\n") + japan)
    git(clone, "commit", "--quiet", "--all", "--message=Mine")
    before = mine.read_text()

    # The release's: of every line of app.py's head, of defaults, of `local`, and a new setting.
    change(original / "app.py", '"""The CDK app: ', '"""The CDK app of the next release: ')
    change(original / "app.py", "return (\n        *_environments(),", "return (*_environments(),")
    change(original / "app.py", "throttle_burst=200", "throttle_burst=300")
    settings = original / "stacks" / "settings.py"
    change(settings, "] = 25\n", "] = 24\n")
    change(
        settings, "    memory_mb: ", '    colour: Literal["red", "blue"] = "red"\n    memory_mb: '
    )
    git(original, "commit", "--quiet", "--all", "--message=Two")
    git(original, "tag", "v1.2.0")

    git(clone, "fetch", "--quiet", "origin", "--tags")
    git(clone, "merge", "--quiet", "--no-edit", "v1.2.0")
    assert git(clone, "status", "--porcelain") == ""
    assert mine.read_text() == before
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    merged: dict[str, dict[str, Any]] = json.loads(done.stdout)
    assert list(merged) == ["dev", "prod", "japan", "local"]
    assert (merged["dev"]["image_expiry_days"], merged["dev"]["alarm_email"]) == (3, "me@a.example")
    assert merged["japan"]["region"] == "ap-northeast-1"
    assert {each["timeout_s"] for each in merged.values()} == {24}
    assert {each["colour"] for each in merged.values()} == {"red"}
    assert merged["local"]["throttle_burst"] == 300


WRITTEN = re.compile(r"rite `(\w+=[^`]+)` into\s+`dev`")


def test_what_the_docs_write_into_dev_is_not_refused() -> None:
    pages = "".join((ROOT / "docs" / name).read_text() for name in ("deploy.md", "first-day.md"))
    dev = environments_as_shipped.ENVIRONMENTS[0]
    steps = WRITTEN.findall(pages)
    assert len(steps) == 4
    for step in steps:
        dataclasses.replace(dev, **eval(f"dict({step})")).check_budget("us-east-1")


def test_no_release_changes_the_file_that_is_its_users() -> None:
    """A change would conflict with theirs. `.github/release-notes` compares the two files."""
    digest = hashlib.sha256(AS_SHIPPED.read_bytes()).hexdigest()
    assert digest == "a0ba8b79623b1cc9c08e48ad58fa9883b1970c15b960039df966e9eb0fa33e9e"


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Put a text in the place of environments.py."""
    if text is not None:
        (folder / "environments.py").write_text(text)
        monkeypatch.syspath_prepend(folder)
    else:
        monkeypatch.setattr(sys, "path", [each for each in sys.path if not checkout(each)])
    monkeypatch.delitem(sys.modules, "environments")


def checkout(folder: str) -> bool:
    return (Path(folder) / "environments.py").is_file()


SETTINGS = "from stacks.settings import Settings\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            None,
            "environments.py: No module named 'environments'; to begin with the shipped "
            "one: cp tests/environments_as_shipped.py environments.py",
        ),
        ("ENVIRONMENTS = (", "environments.py: SyntaxError: '(' was never closed "),
        ("\n\nimport nowhere", "environments.py: No module named 'nowhere'"),
        (f"{SETTINGS}\nENVIRONMENTS = (Setings(),)", "environments.py: line 3, NameError: name "),
        (f"{SETTINGS}ENVIRONMENTS = (Settings('dev'),)", "environment None: env_name is missing"),
        ("raise ValueError('a\\nb')", "environments.py: line 1, ValueError: a b"),
        ("", "environments.py: ImportError: cannot import name 'ENVIRONMENTS'"),
        (
            f"{SETTINGS}ENVIRONMENTS = (Settings(env_name='dev'))",
            "environments.py: ENVIRONMENTS is not a tuple of Settings; with one environment it "
            "ends with a comma: (Settings(...),)",
        ),
        ("ENVIRONMENTS = ('dev',)", "environments.py: ENVIRONMENTS is not a tuple of Settings"),
        *(
            (
                f"{SETTINGS}ENVIRONMENTS = tuple(Settings(env_name=name) for name in {names})",
                message,
            )
            for names, message in (
                (["dev", "dev"], "environments.py: two environments are named dev; give each"),
                (["a", "b", "b", "b"], "environments.py: 3 environments are named b; give each"),
                (["local", "local"], "environments.py: two environments are named local; give"),
                (["dev", "local"], "environments.py: env_name = 'local'; allowed is any other"),
                (["pr7"], "environments.py: env_name = 'pr7'; allowed is any other name than"),
            )
        ),
        (
            f"{SETTINGS}ENVIRONMENTS = (Settings(env_name='dev', memory_mb=64),)",
            "environment dev: memory_mb = 64; allowed are whole numbers from 128 to 10240",
        ),
    ],
)
def test_a_mistake_in_it_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    written(tmp_path, monkeypatch, text)
    with pytest.raises(SettingsError) as refused:
        stages()
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def synth(app: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run app.py as `npx cdk` does, without what the Makefile silences."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    environment.pop("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", None)
    return subprocess.run(
        [sys.executable, str(app)], capture_output=True, text=True, env=environment, check=False
    )


def test_a_wrong_setting_ends_synth_with_one_line(tmp_path: Path) -> None:
    shutil.copy(ROOT / "app.py", tmp_path)
    source = AS_SHIPPED.read_text()
    changed = source.replace('env_name="dev",', 'env_name="dev", memory_mb=64,')
    (tmp_path / "environments.py").write_text(changed)
    result = synth(tmp_path / "app.py")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "warmlens: environment dev: memory_mb = 64; allowed are whole numbers from 128 to 10240\n"
    )


def test_an_unknown_environment_ends_synth_with_one_line(tmp_path: Path) -> None:
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copy(AS_SHIPPED, tmp_path / "environments.py")
    result = synth(tmp_path / "app.py", CDK_CONTEXT_JSON='{"env": "production"}')
    assert result.returncode == 1
    assert result.stderr == (
        "warmlens: env = 'production'; allowed are dev, staging, prod, local, and pr1, pr2, ... "
        "for pull requests\n"
    )


def test_a_pull_request_has_a_copy_of_dev_as_the_user_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = f"{SETTINGS}ENVIRONMENTS = (Settings(env_name='dev', timeout_s=20),)"
    written(tmp_path, monkeypatch, dev)
    copy = settings_of("pr12")
    assert copy == dataclasses.replace(settings_of("dev"), env_name="pr12", web=False)
    assert copy.timeout_s == 20


def test_without_dev_there_is_none_for_a_pull_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, f"{SETTINGS}ENVIRONMENTS = (Settings(env_name='prod'),)")
    with pytest.raises(SettingsError, match=r"^env = 'pr12'; allowed are prod, local$"):
        settings_of("pr12")
