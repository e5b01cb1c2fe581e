"""The handler of a container-image function, read from its Dockerfile."""

from pathlib import Path

import pytest

from warmlens.errors import WarmlensError
from warmlens.local.image_functions import handler_of
from warmlens.paths import LAMBDA_SRC


def test_the_classifiers_image_runs_the_classifiers_handler() -> None:
    assert handler_of(LAMBDA_SRC / "classifier" / "Dockerfile") == "classifier.handler.handler"


def test_the_last_command_of_an_image_counts(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text('FROM a\nCMD ["first.handler"]\nFROM b\nCMD ["last.handler"]\n')
    assert handler_of(dockerfile) == "last.handler"


@pytest.mark.parametrize("text", ["FROM a\n", 'CMD ["python", "-m", "a"]\n', "CMD []\n"])
def test_an_image_without_one_handler_is_refused(tmp_path: Path, text: str) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(text)
    with pytest.raises(WarmlensError, match=r'has no line such as CMD \["'):
        handler_of(dockerfile)
