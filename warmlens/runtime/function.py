"""Specification of a deployed function, and its instances' environment variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class FunctionSpec:
    """A deployed version of a function.

    `command` starts the runtime client, for example
    `(python, "-m", "awslambdaric", "classifier.handler.handler")`; `task_root` is the folder that
    holds the handler's package and becomes the working directory. `reserved_concurrency` is the
    most calls of all its versions at once; None leaves it to the pool's limit. `credentials` are
    environment variables with the temporary credentials of its role, which win over all others.

    Raises:
        ValueError: the command is empty, or memory or timeout is not above zero.
    """

    name: str
    version: str
    memory_mb: int
    timeout_s: float
    environment: Mapping[str, str]
    handler: str
    command: Sequence[str]
    task_root: Path
    reserved_concurrency: int | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.command:
            raise ValueError(f"function {self.name}: command is empty, give program and arguments")
        for name, value in (("memory_mb", self.memory_mb), ("timeout_s", self.timeout_s)):
            if value <= 0:
                raise ValueError(f"function {self.name}: {name} is {value}, must be above 0")


def instance_environment(
    spec: FunctionSpec,
    *,
    log_stream: str,
    runtime_api: str,
    directory: Path,
    region: str,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """Return all environment variables of an instance; none of this process is inherited.

    As on Lambda, the function's configuration may replace the defaults (PATH, PYTHONPATH, LANG,
    TZ) but not what the platform sets. `extra` (the endpoint of the emulator) and the credentials
    win over the function's configuration.

    Args:
        spec: the function.
        log_stream: name of the instance's log stream.
        runtime_api: `host:port` of the Runtime API for this instance.
        directory: the instance's own folder, used as /tmp and as the home folder, so that no
            library reads the user's credentials or caches.
        region: AWS region.
        extra: further variables, which replace those of the function.
    """
    defaults = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": str(spec.task_root),
        "PYTHONUNBUFFERED": "1",
    }
    platform = {
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "LAMBDA_TASK_ROOT": str(spec.task_root),
        "_HANDLER": spec.handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
    }
    return defaults | dict(spec.environment) | dict(extra) | dict(spec.credentials) | platform
