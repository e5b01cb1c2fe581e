"""A private /tmp for each instance, where the kernel allows it."""

import asyncio
import json
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

from tests.integration import pool_harness
from tests.integration.pool_harness import StartHarness
from warmlens.runtime import private_tmp
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.private_tmp import PrivateTmp, find_private_tmp, parts_in_tmp

SOURCE = """
import tempfile
from pathlib import Path

def look(event, context):
    there = [Path(path).exists() for path in event]
    return {"there": there, "temporary": tempfile.gettempdir()}
"""
start = pool_harness.start  # a fixture
FOUND = find_private_tmp()
needs_private_tmp = pytest.mark.skipif(
    FOUND is None, reason="this kernel does not let this user mount, so /tmp is shared"
)


def shared_marks(call: str) -> list[Path]:
    """The files that instances left for a call in this machine's own /tmp."""
    return list(Path("/tmp").glob(f"mark-{call}*"))


@pytest.fixture
def call_id() -> str:
    """Beginning of request ids that no other run uses."""
    return uuid.uuid4().hex


@needs_private_tmp
async def test_instances_do_not_see_each_others_files_in_tmp(
    start: StartHarness, call_id: str
) -> None:
    harness = await start(private_tmp=FOUND)
    # The second call comes before an instance is idle, so each gets its own.
    calls = [
        harness.call("leave_a_mark_in_tmp", request_id=f"{call_id}-{number}") for number in range(2)
    ]
    answers = [json.loads(result.payload) for result in await asyncio.gather(*calls)]
    assert [answer["seen"] for answer in answers] == [[], []]
    assert {answer["temporary"] for answer in answers} == {"/tmp"}
    assert not shared_marks(call_id)
    # What the pool watches and limits is the function itself, not a launcher.
    pids = {instance.pid for instance in harness.pool.instances()}
    assert pids == {answer["pid"] for answer in answers}


async def test_without_it_tmp_is_shared_and_the_temporary_folder_is_not(
    start: StartHarness, call_id: str
) -> None:
    harness = await start(private_tmp=None)
    result = await harness.call("leave_a_mark_in_tmp", request_id=call_id)
    assert json.loads(result.payload)["temporary"] != "/tmp"
    (mark,) = shared_marks(call_id)
    mark.unlink()


@needs_private_tmp
async def test_a_function_in_tmp_sees_itself_and_nothing_else_there(
    start: StartHarness,
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        source, other = Path(name) / "task" / "handlers.py", Path(name) / "other"
        source.parent.mkdir()
        source.write_text(SOURCE)
        other.touch()
        harness = await start(private_tmp=FOUND)
        harness.task_root = source.parent
        answer = await harness.answer("look", [str(source), str(other)])
        assert answer == {"there": [True, False], "temporary": "/tmp"}
        assert source.read_text() == SOURCE


def test_the_parts_of_a_function_that_lie_in_tmp() -> None:
    def parts(python: str, folder: str) -> list[str]:
        spec = FunctionSpec(
            name="f",
            version="1",
            memory_mb=128,
            timeout_s=3,
            environment={},
            handler="f.f",
            command=(python, "-m", "awslambdaric", "f.f"),
            task_root=Path(folder),
        )
        return [str(path) for path in parts_in_tmp(spec)]

    assert parts("/opt/python", "/var/task") == []
    assert parts("/opt/python", "/tmp/checkout/lambda_src") == ["/tmp/checkout/lambda_src"]
    with tempfile.TemporaryDirectory(dir="/tmp") as venv:
        (Path(venv) / "lib").mkdir()
        assert parts(f"{venv}/bin/python", "/var/task") == [venv]


def test_a_kernel_that_forbids_it_is_detected() -> None:
    assert not PrivateTmp(("false",), ()).works()
    assert not PrivateTmp(("no-such-program",), ()).works()


@needs_private_tmp
def test_a_user_who_is_not_root_gives_up_the_right_to_mount() -> None:
    launcher = PrivateTmp(private_tmp._AS_USER, private_tmp._GIVE_UP_RIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher.launcher(Path(folder)), "grep", "CapAmb", "/proc/self/status"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        assert "unshare" in result.stderr  # user namespaces are off on this machine
    else:
        assert int(result.stdout.split()[1], 16) == 0
