"""A measured instance: a fresh process with a limited processor share."""

import json
import random
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from warmlens.errors import WarmlensError
from warmlens.runtime.isolation import PERIOD_MS, Isolation, Limits

RUNNER = Path(__file__).parent / "runner.py"
# The process waits for a line: it is confined, and the clock started, before anything of it runs.
_WAIT_FOR_GO = ("/bin/sh", "-c", 'read -r _ && exec "$@"', "sh")
# Memory is measured but not limited: the baseline needs more than the paper's smallest size.
_NO_MEMORY_LIMIT_MB = 16_384


_OVERRUN_S = 0.005
"""Processor time that a process may take beyond its share, and pays back later: a tick of the
kernel or of the watchdog, and some more."""


def share_conditions(isolation: Isolation) -> dict[str, Any]:
    """Return a record's conditions that say how a processor share was kept."""
    return {"isolation": isolation.description, "period_ms": PERIOD_MS, "init": "at full speed"}


def rest_s(vcpus: float) -> float:
    """Return a time to wait before a call, so that it finds its share whole.

    Users' calls come to an instance that was idle, at any moment of a period; calls one right after
    the other would find what the last one left.
    """
    return _OVERRUN_S / vcpus + random.uniform(0, PERIOD_MS / 1000)


class InstanceEndedError(WarmlensError):
    """The process of a measured instance ended.

    Attributes:
        signal: the signal that killed it, or None.
    """

    def __init__(self, message: str, signal: int | None) -> None:
        super().__init__("instance_ended", message)
        self.signal = signal


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """One of the two compared handlers.

    Attributes:
        name: `ours` or `baseline`.
        python: interpreter that has its packages.
        module: the handler's module.
        path: folder that the module is found in.
        environment: the function's variables.
        files: folders whose files it may read, to drop them from the page cache.
    """

    name: str
    python: Path
    module: str
    path: Path
    environment: Mapping[str, str]
    files: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A started instance; all times count from the start of the process.

    Attributes:
        ms: until its handler was imported.
        interpreter_ms: until the interpreter ran its first module.
        stages_ms: the stages that its init printed.
        cpu_s: processor time until then.
    """

    ms: float
    interpreter_ms: float
    stages_ms: Mapping[str, float]
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answered call.

    Attributes:
        ms: the time of the handler.
        since_start_ms: from the start of the process to the answer.
        stages_ms: the stages in the answer.
        cpu_s: processor time of the process until then.
        peak_rss_mb: its largest resident size until then, in MiB.
        top1: the best class.
    """

    ms: float
    since_start_ms: float
    stages_ms: Mapping[str, float]
    cpu_s: float
    peak_rss_mb: float
    top1: str


class InstanceUnderTest:
    """A context manager that runs and measures an instance of one implementation.

    As on Lambda, its init runs at full speed, and the first call waits for its end: the processor
    share holds from then on.

    Args:
        impl: the handler.
        isolation: enforces its limits.
        vcpus: its processor share.
        file_path: the image of its first call.
        memory_mb: memory size above which it is killed; no limit unless given.

    Attributes:
        ready: the measurements of its init.
        first: its first call.
    """

    def __init__(
        self,
        impl: Implementation,
        *,
        isolation: Isolation,
        vcpus: float,
        file_path: str,
        memory_mb: int = _NO_MEMORY_LIMIT_MB,
    ) -> None:
        self._implementation = impl
        self._isolation = isolation
        self._limits = Limits(vcpus=vcpus, memory_mb=memory_mb)
        self._folder = tempfile.TemporaryDirectory(prefix="warmlens-bench-")
        self._lines: list[str] = []
        self._file_path = file_path
        self.ready: Ready
        self.first: Answer

    def __enter__(self) -> Self:
        impl = self._implementation
        command = [*_WAIT_FOR_GO, str(impl.python), str(RUNNER), impl.module]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": str(impl.path),
                "HOME": self._folder.name,
                "TMPDIR": self._folder.name,
                **impl.environment,
            },
            encoding="utf-8",
        )
        self._confinement = self._isolation.confine(self._process.pid, self._limits)
        self._started_s = time.monotonic()
        self._write("")
        message = self._read("ready")
        init = [json.loads(line) for line in self._lines if line.startswith('{"')]
        stages = [line["stages_ms"] for line in init if line.get("message") == "init"]
        if not stages:
            raise WarmlensError("instance_failed", f"{impl.name} printed no init:\n{self._tail()}")
        self._ask(self._file_path)
        self.ready = Ready(
            ms=self._since_start_ms(message["at_s"]),
            interpreter_ms=self._since_start_ms(message["started_s"]),
            stages_ms=stages[0],
            cpu_s=message["cpu_s"],
        )
        self.first = self._answer(self._file_path)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._confinement.release()
        self._folder.cleanup()

    def classify(self, file_path: str) -> Answer:
        """Classify an image of the images bucket, after a rest.

        Raises:
            WarmlensError: ``instance_failed``: the answer is an error.
        """
        time.sleep(rest_s(self._limits.vcpus))
        self._ask(file_path)
        return self._answer(file_path)

    def _ask(self, file_path: str) -> None:
        self._confinement.begin_call()
        self._write(json.dumps({"method": "classification", "file_path": file_path}))

    def _answer(self, file_path: str) -> Answer:
        message = self._read("answer")
        answer = message["answer"]
        if "TOP1_ID" not in answer:
            problem = f"{self._implementation.name} did not classify {file_path}: {answer}"
            raise WarmlensError("instance_failed", problem)
        return Answer(
            ms=message["ms"],
            since_start_ms=self._since_start_ms(message["at_s"]),
            stages_ms=answer["stages_ms"],
            cpu_s=message["cpu_s"],
            peak_rss_mb=message["peak_rss_mb"],
            top1=answer["TOP1_ID"],
        )

    def _since_start_ms(self, moment_s: float) -> float:
        return (moment_s - self._started_s) * 1000

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self, event: str) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"runner"'):
                message = json.loads(line)["runner"]
                if message["event"] == event:
                    return message
            self._lines.append(line)
        status = self._process.wait()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        problem = f"{self._implementation.name} ended {how}:\n{self._tail()}"
        raise InstanceEndedError(problem, -status if status < 0 else None)

    def _tail(self) -> str:
        return "".join(self._lines[-20:]).strip()
