"""The local cloud when its emulator is killed."""

import json
import signal
from pathlib import Path

import httpx
import psutil

from tests.conftest import run_here, start_cloud
from warmlens.paths import STATE_FILE

OTHER_ROUTES = [
    ("GET", "/configuration.json"),
    ("DELETE", "/uploads?file_path=uploads/x.jpg"),
    ("POST", "/uploads"),
    ("POST", "/_local/warm"),
    ("GET", "/_local/models"),
    ("POST", "/_local/serve"),
]
BODY = {"instances": 1, "name": "mine", "version": "1.0.0"}


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
        for method, path in OTHER_ROUTES:
            answer = httpx.request(method, cloud.url + path, json=BODY, timeout=60)
            error = answer.json()["error"]
            assert (answer.status_code, set(error)) == (503, {"code", "message"}), path
            assert error["code"] in ("unavailable", "unreachable")
        assert httpx.get(f"{cloud.url}/_local/fleet").is_success
        burst = httpx.post(f"{cloud.url}/_local/burst", json={"calls": 2}, timeout=60).json()
        assert (burst["answered"], burst["failed"]) == (0, 2)
        folder = ("--folder", str(tmp_path))
        for command in (["page"], ["warm", "1"], ["model", "list"], ["photos", "list"]):
            told = run_here(*command, "--env", "local", "--json", *folder)
            error = json.loads(told.stdout)["error"]
            assert error["code"] == "not_found", told.stdout
            assert "emulator" in error["message"]
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
        assert not psutil.wait_procs(ours, timeout=60)[1]
    finally:
        process.kill()  # of what went wrong, nothing is left
