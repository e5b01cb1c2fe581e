"""pyproject.toml, and the files of exact versions that `make lock` writes, agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from warmlens.paths import LAMBDA_SRC, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CLIENT = tomllib.loads((ROOT / "warmlens_client" / "pyproject.toml").read_text())["project"]
GROUPS = PROJECT["dependency-groups"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
CLASSIFIER = LAMBDA_SRC / "classifier"
IMAGE_FILES = {
    "classifier": CLASSIFIER / "requirements.txt",
    "classifier-onnxruntime": CLASSIFIER / "requirements-onnxruntime.txt",
}
FILES = [
    *sorted(ROOT.glob("requirements*.txt")),
    *sorted(CLASSIFIER.glob("requirements*.txt")),
    *sorted((ROOT / ".ci" / "tools").glob("*.txt")),
    *sorted((ROOT / "warmlens" / "local").glob("requirements*.txt")),
    *sorted((ROOT / "tests" / "changes").glob("requirements*.txt")),
]


def versions(path: Path) -> dict[str, str]:
    """Return the exact version of each package in a file."""
    return {
        canonicalize_name(name): version
        for name, version in re.findall(
            r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", path.read_text(), re.MULTILINE
        )
    }


def in_group(name: str) -> list[str]:
    """Return the requirements of a group, those of the groups that it includes among them."""
    return [
        requirement
        for each in GROUPS[name]
        for requirement in (in_group(each["include-group"]) if isinstance(each, dict) else [each])
    ]


DEV = versions(ROOT / "requirements-dev.txt")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (ROOT / "requirements.txt", GROUPS["cdk"]),
        (
            ROOT / "requirements-dev.txt",
            [
                *PROJECT["project"]["dependencies"],
                *EXTRAS["local"],
                *EXTRAS["planner"],
                *in_group("dev"),
            ],
        ),
        (ROOT / "requirements-training.txt", EXTRAS["training"]),
        *((path, GROUPS[group]) for group, path in IMAGE_FILES.items()),
    ],
)
def test_each_named_dependency_has_a_version_that_fits(path: Path, named: list[str]) -> None:
    locked = versions(path)
    for text in named:
        requirement = Requirement(text)
        if requirement.name == CLIENT["name"]:
            continue  # of this repository
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{text}: {version}; run: make lock"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_line_is_an_exact_version_and_names_no_index(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and line[0] not in "# "]
    assert lines
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.+!-]+( |$)", line) for line in lines)
    assert not re.search(r"--(extra-)?index-url|--find-links|https?://", path.read_text())


def test_a_package_has_the_same_version_in_all_files_of_one_environment() -> None:
    for path in (
        ROOT / "requirements.txt",
        ROOT / "requirements-training.txt",
        *IMAGE_FILES.values(),
    ):
        for name, version in versions(path).items():
            assert DEV.get(name, version) == version, f"{path.name}: {name}; run: make lock"


def test_the_command_line_needs_the_client_of_its_own_version_and_no_other() -> None:
    version = PROJECT["project"]["version"]
    assert CLIENT["version"] == version
    assert f"warmlens-client=={version}" in PROJECT["project"]["dependencies"]
    # Its name is free in the index: whoever takes it must not get into an installation of ours.
    assert "warmlens-client" not in DEV
    (pip, *_) = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {"dependency-name": "warmlens-client"} in pip["ignore"]


def test_what_synth_needs_is_neither_the_command_line_nor_the_tests() -> None:
    names = set(versions(ROOT / "requirements.txt"))
    assert {"aws-cdk-lib", "cdk-nag", "constructs"} <= names
    assert not names & {"typer", "rich", "httpx", "boto3", "aiohttp", "pytest", "pillow"}


def test_what_goes_into_the_image_has_hashes_and_pip_asks_for_them() -> None:
    for group, path in IMAGE_FILES.items():
        text = path.read_text()
        assert set(versions(path)) == {Requirement(each).name for each in GROUPS[group]}
        for block in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]:
            assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block)) > 1, block[:40]
    assert "--require-hashes -r requirements.txt" in (CLASSIFIER / "Dockerfile").read_text()


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    text = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    text = re.sub(r"^training = .*?^\]", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = re.findall(r'^    "[^"]+",.*$', text, re.MULTILINE)
    assert len(lines) > 30
    for line in lines:
        assert re.search(r",\s+# \w", line), line
    for path in FILES:
        if "make lock" not in path.read_text().splitlines()[1]:
            for line in path.read_text().splitlines():
                assert not line or line[0] == "#" or re.search(r"# \w", line), (
                    f"{path.name}: {line}"
                )
