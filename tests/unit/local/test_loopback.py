"""Listening on loopback."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

from warmlens.errors import WarmlensError
from warmlens.local.loopback import HOST, is_free, listen, listen_preferring, port_of
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


def test_a_preferred_port_is_used_only_if_it_is_free() -> None:
    with listen() as taken:
        port = port_of(taken)
        assert not is_free(port)
        with listen_preferring(port) as other:
            assert port_of(other) not in (0, port)
        with pytest.raises(WarmlensError, match=f"Port {port} is taken.*--port"):
            listen(port)
    assert is_free(port)
    with listen_preferring(port) as preferred:
        assert port_of(preferred) == port


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
