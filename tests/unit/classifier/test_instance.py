"""Instance ids: the end of the log stream, otherwise random."""

from lambda_src.classifier.instance import instance_id

HEX = "0123456789abcdef0123456789abcdef"


def test_the_id_is_the_end_of_the_log_stream() -> None:
    assert instance_id(f"2026/11/22/[7]{HEX}") == HEX


def test_without_a_log_stream_of_its_own_an_instance_gets_a_random_id() -> None:
    for log_stream in ("", "$LATEST"):
        ids = {instance_id(log_stream) for _ in range(50)}
        assert len(ids) == 50
        assert all(len(each) == 32 for each in ids)
