"""The local cloud when its emulator is killed."""

import json
import signal
from pathlib import Path

import psutil

from tests.conftest import start_cloud
from warmlens.paths import STATE_FILE


def test_calls_of_a_killed_emulator_are_unavailable_and_down_leaves_nothing(tmp_path: Path) -> None:
    cloud, process = start_cloud(tmp_path)
    try:
        ours = psutil.Process(process.pid).children(recursive=True)
        emulator_pid = json.loads((tmp_path / STATE_FILE).read_text())["emulator_pid"]
        psutil.Process(emulator_pid).kill()
        for _ in range(3):
            answer = cloud.post(
                "classification", {"method": "classification", "file_path": "test/x"}
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
            assert "emulator" in answer.json()["error"]["message"]
        assert cloud.status()["url"] == cloud.url
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
        assert not psutil.wait_procs(ours, timeout=60)[1]
    finally:
        process.kill()  # of what went wrong, nothing is left
