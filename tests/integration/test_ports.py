"""Several emulators that start at the same moment."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from warmlens.local.aws import Keys, LocalAws
from warmlens.local.loopback import listen, port_of, url_of
from warmlens.paths import ROOT

STARTERS = 3
STARTER = """
import asyncio, sys
from pathlib import Path
from warmlens.local.emulator import running_emulator
from warmlens.local.loopback import listen_preferring

async def main(python, folder, port):
    print("prepared", flush=True)
    sys.stdin.readline()
    listener = listen_preferring(port)
    async with running_emulator(folder, python=python, listener=listener) as aws:
        aws.s3.create_bucket(Bucket=folder.name)
        print(aws.endpoint_url, aws.keys.access_key_id, aws.keys.secret_access_key, flush=True)
        sys.stdin.readline()

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
"""


def test_emulators_that_start_at_once_do_not_share_a_port(
    emulator_python: str, tmp_path: Path
) -> None:
    with listen() as listener:
        preferred, preferred_url = port_of(listener), url_of(listener)
    folders = [tmp_path / f"emulator-{number}" for number in range(STARTERS)]
    with ExitStack() as stack:
        starters = [
            stack.enter_context(starter(emulator_python, folder, preferred)) for folder in folders
        ]
        assert [read(each) for each in starters] == ["prepared"] * STARTERS
        for each in starters:
            go_on(each)
        clouds = [
            LocalAws(url, Keys(*keys)) for url, *keys in (read(each).split() for each in starters)
        ]
        urls = [aws.endpoint_url for aws in clouds]
        assert preferred_url in urls
        assert len(set(urls)) == STARTERS
        for folder, aws in zip(folders, clouds, strict=True):
            buckets = aws.s3.list_buckets()["Buckets"]
            assert [bucket["Name"] for bucket in buckets] == [folder.name]
        for each in starters:
            go_on(each)
            assert each.wait(60) == 0


def starter(python: str, folder: Path, port: int) -> subprocess.Popen[str]:
    """Start a process that starts an emulator, once it is allowed to."""
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, python, str(folder), str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
