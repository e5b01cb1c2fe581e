"""One instance under measurement: a fresh process, held to a processor share, asked by lines."""

import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from warmlens.runtime.isolation import Isolation, Limits

DRIVER = Path(__file__).parent / "driver.py"
# Nothing of the instance runs before it is confined and its time has begun.
_WAIT_FOR_GO = ("/bin/sh", "-c", 'read -r _ && exec "$@"', "sh")
# Memory is measured and not limited: the paper's smallest size is too small for the baseline.
_NO_MEMORY_LIMIT_MB = 16_384


class BenchError(Exception):
    """A measurement is not possible; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two that are compared.

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
    """An instance that has answered nothing yet; all times from the start of the process.

    Attributes:
        ms: until its handler was there.
        interpreter_ms: until the interpreter ran its first module.
        stages_ms: the stages that its init told of.
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
        stages_ms: the stages that the answer tells of.
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
    """A process of one side, from its start to the end of the block.

    Args:
        side: what to run.
        isolation: how it is confined.
        vcpus: its processor share.
        file_path: the image of its first call, which waits for it as it does on Lambda.
        memory_mb: memory that it may use before it is killed; unless given, all that it wants.

    Attributes:
        ready: how its init went.
        first: its first call.
    """

    def __init__(
        self,
        side: Side,
        *,
        isolation: Isolation,
        vcpus: float,
        file_path: str,
        memory_mb: int = _NO_MEMORY_LIMIT_MB,
    ) -> None:
        self._side = side
        self._isolation = isolation
        self._limits = Limits(vcpus=vcpus, memory_mb=memory_mb)
        self._folder = tempfile.TemporaryDirectory(prefix="warmlens-bench-")
        self._lines: list[str] = []
        self._file_path = file_path
        self.ready: Ready
        self.first: Answer

    def __enter__(self) -> Self:
        side = self._side
        command = [*_WAIT_FOR_GO, str(side.python), str(DRIVER), side.module]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": str(side.path),
                "HOME": self._folder.name,
                "TMPDIR": self._folder.name,
                **side.environment,
            },
        )
        self._confinement = self._isolation.confine(self._process.pid, self._limits)
        self._started_s = time.monotonic()
        self._write("")
        self._ask(self._file_path)
        told = self._read("ready")
        init = [json.loads(line) for line in self._lines if line.startswith('{"')]
        stages = [line["stages_ms"] for line in init if line.get("message") == "init"]
        if not stages:
            raise BenchError(f"{side.name} told of no init:\n{self._tail()}")
        self.ready = Ready(
            ms=self._since_start_ms(told["at_s"]),
            interpreter_ms=self._since_start_ms(told["started_s"]),
            stages_ms=stages[0],
            cpu_s=told["cpu_s"],
        )
        self.first = self._answer(self._file_path)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._confinement.release()
        self._folder.cleanup()

    def classify(self, file_path: str) -> Answer:
        """Classify an image of the images bucket.

        Raises:
            BenchError: the answer is an error.
        """
        self._ask(file_path)
        return self._answer(file_path)

    def _ask(self, file_path: str) -> None:
        self._write(json.dumps({"method": "classification", "file_path": file_path}))

    def _answer(self, file_path: str) -> Answer:
        told = self._read("answer")
        answer = told["answer"]
        if "TOP1_ID" not in answer:
            raise BenchError(f"{self._side.name} did not classify {file_path}: {answer}")
        return Answer(
            ms=told["ms"],
            since_start_ms=self._since_start_ms(told["at_s"]),
            stages_ms=answer["stages_ms"],
            cpu_s=told["cpu_s"],
            peak_rss_mb=told["peak_rss_mb"],
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
            if line.startswith('{"driver"'):
                told = json.loads(line)["driver"]
                if told["event"] == event:
                    return told
            self._lines.append(line)
        status = self._process.wait()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        raise BenchError(f"{self._side.name} ended {how}:\n{self._tail()}")

    def _tail(self) -> str:
        return "".join(self._lines[-20:]).strip()
