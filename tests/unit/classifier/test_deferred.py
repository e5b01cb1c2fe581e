"""Deferred imports of unused modules."""

import subprocess
import sys

from warmlens.paths import LAMBDA_SRC


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(LAMBDA_SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


DEFER = "import sys; from classifier.deferred import defer; defer('wave'); import wave; "


def test_a_deferred_module_is_not_loaded_by_an_import() -> None:
    assert (
        run(f"{DEFER}print(hasattr(wave, '__file__'), 'struct' in wave.__dict__)") == "False False"
    )


def test_it_is_the_module_itself_once_something_of_it_is_used() -> None:
    assert run(f"{DEFER}print(wave.WAVE_FORMAT_PCM, wave.Error is sys.modules['wave'].Error)") == (
        "1 True"
    )


def test_what_it_lacks_is_missing_as_in_the_module() -> None:
    assert run(f"{DEFER}print(hasattr(wave, 'nothing'))") == "False"


def test_a_module_that_is_loaded_already_stays() -> None:
    assert run(f"import wave as loaded; {DEFER}print(wave is loaded)") == "True"
