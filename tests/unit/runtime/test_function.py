"""Function specifications and their environment variables."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from warmlens.runtime.function import FunctionSpec, instance_environment


def spec(
    *,
    environment: Mapping[str, str] | None = None,
    memory_mb: int = 1769,
    timeout_s: float = 30,
    command: Sequence[str] = ("python",),
) -> FunctionSpec:
    return FunctionSpec(
        name="classifier",
        version="7",
        memory_mb=memory_mb,
        timeout_s=timeout_s,
        environment=environment or {},
        handler="classifier.handler.handler",
        command=command,
        task_root=Path("/var/task"),
    )


def environment(
    configured: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    return instance_environment(
        spec(environment=configured),
        log_stream="stream",
        runtime_api="127.0.0.1:9001",
        directory=Path("/instance"),
        region="eu-west-1",
        extra=extra or {},
    )


def test_a_function_may_replace_defaults() -> None:
    seen = environment({"PATH": "/opt/bin", "TZ": "Europe/Berlin", "MODEL": "resnet50"})
    assert (seen["PATH"], seen["TZ"], seen["MODEL"]) == ("/opt/bin", "Europe/Berlin", "resnet50")


@pytest.mark.parametrize(
    "name",
    ["AWS_REGION", "AWS_LAMBDA_RUNTIME_API", "_HANDLER", "LAMBDA_TASK_ROOT", "TMPDIR", "HOME"],
)
def test_what_the_platform_sets_cannot_be_replaced(name: str) -> None:
    assert environment({name: "mine"}, {name: "mine"})[name] != "mine"


def test_the_caller_wins_over_the_function() -> None:
    name = "AWS_ENDPOINT_URL"
    assert environment({name: "of the function"}, {name: "of the caller"})[name] == "of the caller"


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="classifier: memory_mb is 0, must be above 0"):
        spec(memory_mb=0)
    with pytest.raises(ValueError, match="classifier: timeout_s is -1, must be above 0"):
        spec(timeout_s=-1)
    with pytest.raises(ValueError, match="classifier: command is empty"):
        spec(command=())
