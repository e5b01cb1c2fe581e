"""What a model card says about mistakes, and what its maker adds to it."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.invoke import invoke
from training.evaluate import measure
from training.groups import Groups
from training.mistakes import SHOWN, mistakes
from training.model_card import card_notes, further_sections, model_card
from warmlens.cli import app
from warmlens.errors import WarmlensError
from warmlens.registry.manifest_file import read_manifest

LABELS = ("Royal Gala (apple)", "Pink Lady (apple)", "Soya | milk", "Banana")
GROUPS = Groups(("Apple", "Apple", "Milk", "Banana"), (False, False, True, False))


def section(targets: list[int], answers: list[int], groups: Groups | None) -> str:
    softmax = np.eye(len(LABELS), dtype=np.float32)[answers]
    result = measure("test", softmax, np.array(targets, np.int64), LABELS, LABELS)
    return mistakes(result, groups)


def test_a_card_names_the_classes_most_often_confused_and_counts_them() -> None:
    text = section([0, 0, 0, 1, 1, 2, 3], [1, 1, 0, 1, 0, 0, 3], GROUPS)
    assert "Of 7 photos of the split test, 4 were answered wrong." in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows == [
        "| right | answered | photos | of |",
        "| Royal Gala (apple) | Pink Lady (apple) | 2 | 3 |",
        "| Pink Lady (apple) | Royal Gala (apple) | 1 | 2 |",
        "| Soya \\| milk | Royal Gala (apple) | 1 | 1 |",
        "| coarse class | photos | right class | right coarse class |",
        "| Milk | 1 | 0% | 0% |",
        "| Apple | 5 | 40% | 100% |",
        "| Banana | 1 | 100% | 100% |",
    ]


def test_without_groups_or_mistakes_a_card_says_less() -> None:
    assert "coarse" not in section([0, 1], [1, 1], None)
    assert section([0, 1], [0, 1], GROUPS) == (
        "## Mistakes\n\nOf 2 photos of the split test, 0 were answered wrong."
    )


def test_a_table_stays_short_with_many_classes() -> None:
    names = tuple(f"class {number}" for number in range(40))
    answers = [(number + 1) % 40 for number in range(40)]
    softmax = np.eye(40, dtype=np.float32)[answers]
    result = measure("test", softmax, np.arange(40), names, names)
    text = mistakes(result, Groups(names, (False,) * 40))
    assert f"The {SHOWN} pairs most often confused, of 40:" in text
    assert f"{40 - SHOWN} more coarse classes have 0% or more." in text
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 2 * SHOWN + 2


@pytest.mark.parametrize(("raw", "problem"), [(b" \n", "is empty"), (b"\xff\xfa", "bad_notes")])
def test_notes_that_cannot_be_read_are_refused(tmp_path: Path, raw: bytes, problem: str) -> None:
    (tmp_path / "notes.md").write_bytes(raw)
    with pytest.raises(WarmlensError) as refused:
        card_notes(tmp_path / "notes.md")
    assert problem in f"{refused.value.code} {refused.value.message}"
    with pytest.raises(WarmlensError, match="does not exist"):
        card_notes(tmp_path / "other.md")


def test_notes_and_source_of_the_command_line_are_in_the_card(
    small_run: Path, tmp_path: Path
) -> None:
    notes = "Photographed in shops by *somebody*.\n\n- Flash was off.\n\n## Training\n\nBy hand."
    (tmp_path / "notes.md").write_text(notes)
    command = (
        f"model export {small_run} --name shapes --version 1.0.0 --precision fp32 "
        f"--source 'Photos of a friend (MIT)' --card-notes {tmp_path / 'notes.md'} "
        f"--licence MIT --models {tmp_path}"
    )
    assert invoke(app, *shlex.split(command)).exit_code == 0
    text = (tmp_path / "shapes" / "1.0.0" / "README.md").read_text()
    assert f"## Notes\n\n{notes}\n\n## Training" in text
    # A version that is made of this one, with a threshold, keeps what its manifest does not have.
    manifest = read_manifest(tmp_path / "shapes" / "1.0.0")
    labels = ("disc", "square", "triangle")
    assert model_card(manifest, labels, further_sections(text)) == text
    assert further_sections(model_card(manifest, labels)) == []
    assert further_sections("## Notes of somebody") == []
    assert "- Weights: Photos of a friend (MIT)." in text
