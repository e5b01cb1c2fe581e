"""Instance ids: the end of the log stream; without one, made by the first call."""

import pytest

from lambda_src.classifier.instance import id_in

HEX = "0123456789abcdef0123456789abcdef"


def test_the_id_is_the_end_of_the_log_stream() -> None:
    assert id_in(f"2026/11/22/[7]{HEX}") == HEX


@pytest.mark.parametrize("log_stream", ["", "$LATEST", HEX[1:], f"{HEX[:-1]}x"])
def test_a_log_stream_of_another_kind_has_no_id(log_stream: str) -> None:
    assert id_in(log_stream) is None
