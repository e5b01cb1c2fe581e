"""The command line, as a person uses it."""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import (
    SAMPLE,
    SAMPLE_ID,
    SAMPLE_LABEL,
    WARMLENS,
    Cloud,
    run_warmlens,
    start_cloud,
)
from tests.macos import site_without_linux_names
from tests.unit.registry.version_copy import copy_version
from warmlens.local.loopback import HOST
from warmlens.paths import MODEL_ARTIFACTS, ROOT, STATE_FILE

PHOTO = str(SAMPLE)
MODEL = ("imagenet-efficientnet-lite0", "1.1.0")


def test_classify_prints_the_top_five(cloud: Cloud) -> None:
    result = run_warmlens("classify", PHOTO, "--url", cloud.url)
    assert result.returncode == 0, result.stderr
    assert SAMPLE_LABEL in result.stdout
    assert SAMPLE_ID in result.stdout
    assert "ms in the function" in result.stdout


def test_classify_prints_the_answer_as_json_and_nothing_else(cloud: Cloud) -> None:
    result = run_warmlens("classify", PHOTO, "--url", cloud.url, "--json")
    assert json.loads(result.stdout)["TOP1_label"] == SAMPLE_LABEL
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.jpg", None, "unreadable_file"),
        ("empty.jpg", b"", "empty_file"),
        ("note.txt", b"hello", "unsupported_type"),
        ("note.jpg", b"hello", "unsupported_type"),
    ],
)
def test_classify_says_in_one_line_why_it_refuses(
    cloud: Cloud, tmp_path: Path, name: str, content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run_warmlens("classify", str(tmp_path / name), "--url", cloud.url)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"{code}: ")
    assert result.stderr.count("\n") == 1


def test_classify_goes_by_what_a_file_is_not_by_its_name(cloud: Cloud, tmp_path: Path) -> None:
    photo = tmp_path / "no-ending"
    photo.write_bytes(Path(PHOTO).read_bytes())
    result = run_warmlens("classify", str(photo), "--url", cloud.url)
    assert SAMPLE_LABEL in result.stdout, result.stderr


def test_a_proxy_or_a_profile_in_the_shell_does_no_harm_to_what_is_local(cloud: Cloud) -> None:
    shell = {"HTTP_PROXY": "http://127.0.0.1:9", "AWS_PROFILE": "no-such-profile"}
    result = run_warmlens("classify", PHOTO, "--url", cloud.url, **shell)
    assert SAMPLE_LABEL in result.stdout, result.stderr
    result = run_warmlens("local", "status", "--folder", str(cloud.folder), **shell)
    assert cloud.url in result.stdout, result.stderr


def test_classify_says_that_a_url_is_none() -> None:
    result = run_warmlens("classify", PHOTO, "--url", "http://[::")
    assert result.returncode == 1
    assert result.stderr.startswith("invalid_url: ")


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_up_refuses_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    result = run_warmlens("local", "up", "--port", port, "--folder", str(tmp_path))
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_up_says_when_its_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run_warmlens("local", "up", "--folder", str(tmp_path / "file" / "x"))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "cannot run" in result.stderr


def test_classify_says_when_nothing_answers() -> None:
    result = run_warmlens("classify", PHOTO, "--url", "http://127.0.0.1:9", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "unreachable"


def test_status_tells_the_addresses_and_the_instances(cloud: Cloud) -> None:
    cloud.post("wakeup", {"method": "wakeup"})
    status = cloud.status()
    assert status["url"] == cloud.url
    instance = status["instances"][0]
    assert instance["state"] == "idle"
    assert instance["calls"] >= 1
    assert instance["init_ms"] > 0
    result = run_warmlens("local", "status", "--folder", str(cloud.folder))
    assert instance["id"][:8] in result.stdout
    assert run_warmlens("local", "url", "--folder", str(cloud.folder)).stdout == f"{cloud.url}\n"


def test_status_and_down_say_when_no_cloud_runs(tmp_path: Path) -> None:
    status = run_warmlens("local", "status", "--folder", str(tmp_path))
    assert status.returncode == 3
    assert f"warmlens local up --folder {tmp_path}" in status.stdout
    as_json = run_warmlens("local", "status", "--json", "--folder", str(tmp_path))
    assert json.loads(as_json.stdout) == {"running": False}
    address = run_warmlens("local", "url", "--folder", str(tmp_path))
    assert (address.returncode, address.stdout) == (3, "")
    assert f"warmlens local up --folder {tmp_path}" in address.stderr
    assert (
        run_warmlens("local", "down", "--folder", str(tmp_path)).stdout == "No local cloud runs.\n"
    )


def test_up_does_not_start_a_second_cloud_in_the_same_folder(cloud: Cloud) -> None:
    result = run_warmlens("local", "up", "--folder", str(cloud.folder))
    assert result.returncode == 1
    assert cloud.url in result.stderr
    assert f"warmlens local down --folder {cloud.folder}" in result.stderr


def test_up_says_which_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run_warmlens("local", "up", "--port", str(port), "--folder", str(tmp_path))
    assert result.returncode == 1
    assert f"Port {port} is taken" in result.stderr


def test_ctrl_c_stops_a_cloud_and_leaves_no_process_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    # As if `make run` had installed for 1,000 s before.
    monkeypatch.setenv("WARMLENS_BEGUN", str(int(time.time()) - 1000))
    cloud, process = start_cloud(tmp_path)
    assert re.search(r"^Ready after 1[01]\d\d s\.$", (tmp_path / "up.txt").read_text(), re.M)
    family = family_of(process)
    process.send_signal(signal.SIGINT)
    assert_stopped(cloud, process, family)


def test_down_stops_a_cloud_that_was_started_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As from a terminal without check marks, and on macOS as far as Linux can show it.
    for name, value in site_without_linux_names(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    cloud, process = start_cloud(tmp_path)
    family = family_of(process)
    output = (tmp_path / "up.txt").read_text()
    assert "  + Deploying the app" in output
    assert f"Ctrl-C, or: .venv/bin/warmlens local down --folder {tmp_path}\n" in output
    result = run_warmlens("local", "down", "--folder", str(tmp_path))  # it sends SIGTERM
    assert result.stdout == "Stopped.\n"
    assert_stopped(cloud, process, family)


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2  # the emulator and an instance
    return family


def assert_stopped(
    cloud: Cloud, process: subprocess.Popen[str], family: list[psutil.Process]
) -> None:
    assert process.wait(120) == 0
    assert not psutil.wait_procs(family, timeout=60)[1]
    assert "Traceback" not in (cloud.folder / "up.txt").read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(cloud.url, trust_env=False)


def test_a_cloud_that_was_killed_leaves_nothing_that_the_next_start_does_not_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    _, process = start_cloud(tmp_path)
    family = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = set(temporary.glob("warmlens-*"))
    assert left
    cloud, process = start_cloud(tmp_path)
    try:
        assert not psutil.wait_procs(family, timeout=60)[1]
        assert not left & set(temporary.iterdir())
        assert cloud.post("wakeup", {"method": "wakeup"}).status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0


def test_ctrl_c_while_it_starts_stops_it_cleanly(tmp_path: Path) -> None:
    with (tmp_path / "up.txt").open("w") as output:
        process = subprocess.Popen(
            [WARMLENS, "local", "up", "--port", "0", "--folder", str(tmp_path)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # From then on it has something to clean up: a state, and what it has started.
        while not (tmp_path / STATE_FILE).exists() or not psutil.Process(process.pid).children():
            assert process.poll() is None
            time.sleep(0.01)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    assert not psutil.wait_procs(family, timeout=60)[1]
    assert not (tmp_path / STATE_FILE).exists()
    assert "Traceback" not in (tmp_path / "up.txt").read_text()


def test_model_list_names_the_shipped_models() -> None:
    result = run_warmlens("model", "list", "--json")
    models = {(model["name"], model["version"]) for model in json.loads(result.stdout)["models"]}
    assert models == {MODEL, ("products-resnet50", "1.1.0"), ("groceries-lite2", "1.0.0")}


def test_model_verify_accepts_the_shipped_model() -> None:
    result = run_warmlens("model", "verify", *MODEL)
    assert result.returncode == 0, result.stderr


def test_model_verify_says_which_file_was_altered(tmp_path: Path) -> None:
    source = MODEL_ARTIFACTS.joinpath(*MODEL)
    copy = tmp_path.joinpath(*MODEL)
    copy.mkdir(parents=True)
    for path in source.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    data = bytearray((copy / "model.onnx").read_bytes())
    data[1000] ^= 1
    (copy / "model.onnx").write_bytes(data)
    result = run_warmlens("model", "verify", *MODEL, "--models", str(tmp_path))
    assert result.returncode == 1
    assert "model.onnx" in result.stderr
    assert "SHA-256" in result.stderr


def test_model_verify_tells_its_findings_as_json_and_nothing_else(tmp_path: Path) -> None:
    (copy_version(tmp_path) / "labels.json").write_bytes(b"{}")
    for arguments, exit_code, files in (
        ((), 0, []),
        (("--models", str(tmp_path)), 1, ["labels.json"]),
    ):
        result = run_warmlens("model", "verify", *MODEL, *arguments, "--json")
        answer = json.loads(result.stdout)
        assert (result.returncode, result.stderr) == (exit_code, "")
        assert (answer["name"], answer["version"]) == MODEL
        assert all("labels.json" in finding["message"] for finding in answer["findings"])
        assert bool(answer["findings"]) is bool(files)


def test_model_list_names_a_version_that_cannot_be_read_beside_those_that_can(
    tmp_path: Path,
) -> None:
    broken = copy_version(tmp_path).with_name("2.0.0")
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    result = run_warmlens("model", "list", "--models", str(tmp_path))
    assert result.returncode == 1
    assert MODEL[0] in result.stdout
    assert "2.0.0" in result.stderr
    as_json = run_warmlens("model", "list", "--models", str(tmp_path), "--json")
    assert as_json.returncode == 1
    answer = json.loads(as_json.stdout)
    assert (len(answer["models"]), len(answer["faults"])) == (1, 1)


def test_model_publish_says_what_it_did_and_why_it_did_not(
    cloud: Cloud, s3: Any, bucket: str
) -> None:
    shell = cloud.aws().environment
    for said in (f"Published {' '.join(MODEL)} to {bucket}.\n", "already, unchanged.\n"):
        result = run_warmlens("model", "publish", *MODEL, "--bucket", bucket, **shell)
        assert result.returncode == 0, result.stderr
        assert result.stdout.endswith(said)
    for_a_program = run_warmlens("model", "publish", *MODEL, "--bucket", bucket, "--json", **shell)
    told = json.loads(for_a_program.stdout)
    assert (told["published"], told["bucket"], len(told["keys"])) == (False, bucket, 0)
    nowhere = ("model", "publish", *MODEL, "--bucket", "no-such-bucket")
    refused = run_warmlens(*nowhere, **shell)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "bucket_missing: " in refused.stderr
    assert "Traceback" not in refused.stderr
    refused = run_warmlens(*nowhere, "--json", **shell)
    assert (refused.returncode, refused.stderr) == (1, "")
    assert json.loads(refused.stdout)["error"]["code"] == "bucket_missing"


def test_long_work_is_told_on_a_terminal_and_not_in_a_pipe(tmp_path: Path) -> None:
    traffic = tmp_path / "few.csv"
    traffic.write_text("hour,requests\n" + "".join(f"{hour},4\n" for hour in range(24)))
    plan = ("plan", "--traffic", str(traffic), "--seeds", "2", "--no-servers")
    in_a_pipe = run_warmlens(*plan)
    assert (in_a_pipe.returncode, in_a_pipe.stderr) == (0, "")
    shown, plain = on_a_terminal(*plan)
    assert plain == in_a_pipe.stdout
    assert "simulating plans" in shown
    counts = [tuple(map(int, pair)) for pair in re.findall(r"(\d+)/(\d+)", shown)]
    assert counts[-1][0] == counts[-1][1] > 20


def on_a_terminal(*arguments: str) -> tuple[str, str]:
    """Run the command line with standard error on a terminal; return what came there, and else."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [WARMLENS, *arguments],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
    )
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # Linux's end of a terminal
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    plain, _ = process.communicate()
    assert process.returncode == 0, shown
    return shown.decode(), plain


@pytest.mark.parametrize(
    "arguments", [(), ("local",), ("model",), ("classify", "--help"), ("local", "up", "--help")]
)
def test_help_teaches(arguments: tuple[str, ...]) -> None:
    result = run_warmlens(*arguments)
    assert "Usage" in result.stdout + result.stderr


def test_the_version_is_told() -> None:
    result = run_warmlens("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"warmlens \d+\.\d+\.\d+\S*\n", result.stdout)


def test_warm_tells_how_many_instances_it_reached(cloud: Cloud) -> None:
    options = ("--folder", str(cloud.folder))
    result = run_warmlens("warm", "2", "--json", *options)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    counted = ["requested", "distinct", "coverage", "cold", "rounds", "held_s"]
    assert list(answer) == [*counted, "hold_ms", "chosen_because"]
    assert (answer["requested"], answer["distinct"], answer["coverage"]) == (2, 2, 1.0)
    assert result.stderr == ""
    told = run_warmlens("warm", *options).stdout  # as many as a scheduled run wakes
    assert told.startswith("2 of 2 instances are warm, 0 of them just started; rounds: 1")
    assert "This number was chosen because the settings say so for this hour." in told


def test_warm_says_when_the_concurrency_allows_no_more(cloud: Cloud) -> None:
    result = run_warmlens("warm", "30", "--json", "--folder", str(cloud.folder))
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["requested"]) == (0, 30)
    assert answer["distinct"] <= 8
    assert answer["coverage"] == answer["distinct"] / 30
    assert "No more are possible: the account's concurrency of 10 less 1" in result.stderr


@pytest.mark.parametrize("count", ["0", "101", "many"])
def test_warm_refuses_a_number_that_makes_no_sense(count: str) -> None:
    result = run_warmlens("warm", count)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_warm_says_what_to_start_when_nothing_runs(tmp_path: Path) -> None:
    result = run_warmlens("warm", "1", "--json", "--folder", str(tmp_path))
    assert result.returncode == 3
    error = json.loads(result.stdout)["error"]
    assert (error["code"], "make run" in error["message"]) == ("not_found", True)


@pytest.mark.parametrize("platform_ms", ["-1", "20001", "0.5"])
def test_up_refuses_a_platform_time_that_makes_no_sense(tmp_path: Path, platform_ms: str) -> None:
    result = run_warmlens("local", "up", "--platform-ms", platform_ms, "--folder", str(tmp_path))
    assert result.returncode == 2
    assert "--platform-ms" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("minutes", ["0", "60-5", "soon"])
def test_up_refuses_an_idle_expiry_that_is_none(tmp_path: Path, minutes: str) -> None:
    result = run_warmlens("local", "up", "--idle-expiry-min", minutes, "--folder", str(tmp_path))
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "idle expiry" in result.stderr
