"""Each instance has a /tmp of its own where the kernel allows it, and people are told."""

import asyncio
import json
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.integration import pool_harness
from tests.integration.pool_harness import StartLab
from warmlens.runtime import private_tmp
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.private_tmp import PrivateTmp, find_private_tmp

start = pool_harness.start  # a fixture
FOUND = find_private_tmp()
needs_private_tmp = pytest.mark.skipif(
    FOUND is None, reason="this kernel lets this user mount nothing: /tmp is shared, as is told"
)


def shared_marks() -> list[Path]:
    """The files that instances left in this machine's own /tmp."""
    return list(Path("/tmp").glob("mark-call*"))


@needs_private_tmp
async def test_instances_do_not_see_each_others_files_in_tmp(start: StartLab) -> None:
    lab = await start(private_tmp=FOUND)
    calls = [
        lab.call("leave_a_mark_in_tmp", {"sleep_s": 0.5}, request_id=f"call-{number}")
        for number in range(2)
    ]
    answers = [json.loads(result.payload) for result in await asyncio.gather(*calls)]
    assert [answer["seen"] for answer in answers] == [[], []]
    assert {answer["temporary"] for answer in answers} == {"/tmp"}
    assert not shared_marks()
    # What the pool watches and limits is the function itself, not a launcher.
    pids = {instance.pid for instance in lab.pool.instances()}
    assert pids == {answer["pid"] for answer in answers}


async def test_without_it_tmp_is_shared_and_the_temporary_folder_is_not(start: StartLab) -> None:
    lab = await start(private_tmp=None)
    first = await lab.answer("leave_a_mark_in_tmp", {"sleep_s": 0})
    assert first["temporary"] != "/tmp"
    (mark,) = shared_marks()
    mark.unlink()


def test_a_function_that_lies_in_tmp_keeps_the_shared_one() -> None:
    way = PrivateTmp((), ())

    def spec(python: str, folder: str) -> FunctionSpec:
        return FunctionSpec(
            name="f",
            version="1",
            memory_mb=128,
            timeout_s=3,
            environment={},
            handler="f.f",
            command=(python, "-m", "awslambdaric", "f.f"),
            task_root=Path(folder),
        )

    assert way.suits(spec("/opt/python", "/var/task"))
    assert not way.suits(spec("/tmp/venv/bin/python", "/var/task"))
    assert not way.suits(spec("/opt/python", "/tmp/checkout/lambda_src"))


def test_a_kernel_that_forbids_it_is_found_out() -> None:
    assert not PrivateTmp(("false",), ()).works()
    assert not PrivateTmp(("no-such-program",), ()).works()


@needs_private_tmp
def test_a_user_who_is_not_root_gives_the_right_to_mount_up_again() -> None:
    launcher = PrivateTmp(private_tmp._AS_USER, private_tmp._GIVE_UP_RIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher.launcher(Path(folder)), "grep", "CapAmb", "/proc/self/status"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        assert "unshare" in result.stderr  # user namespaces are off on this machine
    else:
        assert int(result.stdout.split()[1], 16) == 0
