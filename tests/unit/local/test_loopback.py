"""Listening on loopback."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from warmlens.errors import WarmlensError
from warmlens.local.loopback import HOST, listen, listen_preferring, obstacle, port_of
from warmlens.paths import ROOT

STARTERS = 4
STARTER = """
import sys
from warmlens.local.loopback import listen_preferring, port_of
print("prepared", flush=True)
sys.stdin.readline()
listener = listen_preferring(int(sys.argv[1]))
print(port_of(listener), flush=True)
sys.stdin.readline()
"""

WITHOUT_RIGHTS = """
import os
from warmlens.errors import WarmlensError
from warmlens.local.loopback import listen, obstacle
os.setuid(65534)
try:
    listen(80)
except WarmlensError as error:
    print(error)
print(obstacle(80))
"""


def test_a_preferred_port_is_used_only_if_it_is_free() -> None:
    with listen() as taken:
        port = port_of(taken)
        assert obstacle(port) == "is taken by another program"
        with listen_preferring(port) as other:
            assert port_of(other) not in (0, port)
        with pytest.raises(WarmlensError, match=f"Port {port} is taken.*--port"):
            listen(port)
    assert obstacle(port) is None
    with listen_preferring(port) as preferred:
        assert port_of(preferred) == port


def test_the_port_that_is_taken_is_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen() as taken:
        port = port_of(taken)
        monkeypatch.setattr("warmlens.local.loopback._OTHER_PORTS", (port, port + 1))
        with pytest.raises(WarmlensError, match=rf"--port {port + 1}, or make run PORT={port + 1}"):
            listen(port)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes a user without rights")
def test_a_port_without_rights_is_not_called_taken() -> None:
    unprivileged = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if unprivileged.exists() and int(unprivileged.read_text()) <= 80:
        pytest.skip("every user of this machine may use port 80")
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    message, reason = result.stdout.splitlines()
    assert message.startswith("Port 80 needs rights that this user does not have")
    assert "--port 8081" in message
    assert "PORT=8081" in message
    assert reason in message
    assert "taken" not in result.stdout


def test_everything_listens_on_loopback_only() -> None:
    assert HOST == "127.0.0.1"
    with listen() as listener:
        assert listener.getsockname()[0] == HOST


def test_processes_that_listen_at_once_do_not_share_a_port() -> None:
    with listen() as listener:
        preferred = port_of(listener)
    with ExitStack() as stack:
        starters = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", STARTER, str(preferred)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(STARTERS)
        ]
        prepared, ports = [], []
        for each in starters:
            assert each.stdout is not None
            prepared.append(each.stdout.readline().strip())
        assert prepared == ["prepared"] * STARTERS
        for each in starters:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        for each in starters:
            assert each.stdout is not None
            ports.append(int(each.stdout.readline()))
        for each in starters:
            assert each.stdin is not None
            each.stdin.close()
    assert preferred in ports
    assert len(set(ports)) == STARTERS
