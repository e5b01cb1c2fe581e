"""`warmlens classify FOLDER --out FILE`: each photo has one line, whatever happens meanwhile."""

import contextlib
import io
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SAMPLE, SAMPLE_ID, WARMLENS, Cloud
from tests.integration.photo_service import JPEG, PhotoService, answer_of, error, photo_service
from warmlens.batch.many import classify_many
from warmlens.batch.results import open_results
from warmlens.cli import app
from warmlens.command_line import run
from warmlens.deployment import find_deployment
from warmlens.errors import WarmlensError


@pytest.fixture
def service() -> Iterator[PhotoService]:
    with photo_service() as service:
        yield service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with photos in it and in folders below."""
    folder = tmp_path / "photos"
    for name in ("a.jpg", "b", "below/c.JPG", "below/deeper/dé ü\n.jpg"):
        photo = folder / name
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(JPEG + photo.name.encode())
    return folder


NAMES = {"a.jpg", "b", "below/c.JPG", "below/deeper/dé ü\n.jpg"}


Result = subprocess.CompletedProcess[str]


def run_here(*arguments: str) -> Result:
    """Run the command line in this process, which saves its start."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(app, arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def classify(folder: Path, service: PhotoService, *options: str) -> Result:
    out = folder.parent / "results.jsonl"
    return run_here("classify", str(folder), "--url", service.url, "--out", str(out), *options)


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder.parent / "results.jsonl").read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def check_each_once(folder: Path, names: set[str]) -> None:
    """Each photo has one line, with its own answer."""
    answers = lines(folder)
    assert sorted(each["photo"] for each in answers) == sorted(names)
    for each in answers:
        assert each["source"] == str(folder)
        assert each["answer"] == answer_of(JPEG + Path(each["photo"]).name.encode())


def refusal(result: Result) -> str:
    """The code of the error, which is one line."""
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.strip().splitlines()[-1].partition(":")[0]


def test_each_photo_gets_a_line_and_the_summary_names_what_was_skipped(
    folder: Path, service: PhotoService
) -> None:
    for name in ("notes.txt", "below/.DS_Store", "below/._a.jpg"):
        (folder / name).write_bytes(b"no photo")
    result = classify(folder, service)
    assert result.returncode == 0, result.stderr
    check_each_once(folder, NAMES)
    assert "4 photos classified" in result.stdout
    assert "3 other files were skipped: " in result.stderr
    assert "notes.txt" in result.stderr
    # The second run has nothing to do, and shows the same classes.
    before = len(service.bodies)
    again = classify(folder, service, "--json")
    assert len(service.bodies) == before == 4
    figures = json.loads(again.stdout)
    assert (figures["photos"], figures["classified"], figures["answered_before"]) == (4, 0, 4)
    assert figures["classes"] == dict.fromkeys((Path(name).name for name in NAMES), 1)
    assert figures["model"] == "test@1.0.0"
    assert figures["other_files"] == 3
    assert figures["cost_usd"] is None
    check_each_once(folder, NAMES)


def test_photos_that_the_model_does_not_know_are_counted_apart_from_its_classes(
    folder: Path, service: PhotoService
) -> None:
    def reply(_: int, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        return 200, {**answer_of(body), "recognized": b"a.jpg" not in body}, {}

    service.reply = reply
    known = {"method": "model", "title": None, "threshold": 0.886, "labels": ["1"]}
    service.model = 200, {**answer_of(JPEG), **known}, {}
    printed = classify(folder, service)
    assert (
        "not sure: 1 of 4 is below the model's threshold (0.89); closest: a.jpg (1)"
        in printed.stdout
    )
    assert "none of the classes" not in printed.stdout
    assert "a.jpg\t" not in printed.stdout  # its first class is not what is in it
    assert [line["photo"] for line in lines(folder) if not line["answer"]["recognized"]] == [
        "a.jpg"
    ]
    figures = json.loads(classify(folder, service, "--json").stdout)  # from the file alone
    assert (figures["recognized"], figures["not_recognized"]) == (3, 1)
    assert sum(figures["classes"].values()) == 3


def test_new_photos_are_added_and_the_file_may_be_in_the_folder(
    folder: Path, service: PhotoService
) -> None:
    out = folder / "results.jsonl"
    arguments = ("classify", str(folder), "--url", service.url, "--out", str(out), "--json")
    assert json.loads(run_here(*arguments).stdout)["classified"] == 4
    (folder / "new.jpg").write_bytes(JPEG + b"new.jpg")
    figures = json.loads(run_here(*arguments).stdout)
    assert (figures["classified"], figures["answered_before"], figures["other_files"]) == (1, 4, 0)


def test_one_photo_with_out_is_a_batch_of_its_folder(folder: Path, service: PhotoService) -> None:
    out = folder.parent / "results.jsonl"
    arguments = ("--url", service.url, "--out", str(out), "--json")
    one = run_here("classify", str(folder / "a.jpg"), *arguments)
    assert json.loads(one.stdout)["classified"] == 1
    assert json.loads(classify(folder, service, "--json").stdout)["classified"] == 3
    check_each_once(folder, NAMES)


def test_a_folder_without_out_asks_for_it(folder: Path, service: PhotoService) -> None:
    result = run_here("classify", str(folder), "--url", service.url)
    assert result.returncode == 2
    assert "--out" in result.stderr


@pytest.mark.parametrize("killed_at", [1, 9, 30])
def test_a_batch_that_is_killed_goes_on_and_loses_or_repeats_no_photo(
    tmp_path: Path, service: PhotoService, killed_at: int
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    names = {f"{number:02}.jpg" for number in range(40)}
    for name in names:
        (folder / name).write_bytes(JPEG + name.encode())
    out = tmp_path / "results.jsonl"
    running: list[subprocess.Popen[bytes]] = []

    def reply(number: int, body: bytes) -> Any:
        if number == killed_at:
            os.kill(running[0].pid, signal.SIGKILL)
        return 200, answer_of(body), {}

    service.reply = reply
    command = [WARMLENS, "classify", str(folder), "--url", service.url, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        running.append(process)
        assert process.wait() == -signal.SIGKILL
    answered = out.read_bytes().count(b"\n")
    assert killed_at - 4 <= answered < killed_at + 3  # those in flight had no line yet
    with out.open("ab") as file:
        file.write(b'{"photo": "39.jpg", "sour')  # as a kill within a write leaves it
    with photo_service() as again:  # the killed one's last calls may still arrive at the first
        assert classify(folder, again).returncode == 0
        assert len(again.bodies) == 40 - answered
    check_each_once(folder, names)


def test_throttled_calls_are_repeated_and_none_fails(folder: Path, service: PhotoService) -> None:
    service.reply = lambda number, body: (
        error(429, "throttled", Retry_After="0") if number % 3 else (200, answer_of(body), {})
    )
    result = classify(folder, service)
    assert result.returncode == 0, result.stderr
    assert "throttled" in result.stderr
    check_each_once(folder, NAMES)


def test_a_photo_that_is_refused_gets_a_line_and_is_tried_again_by_the_next_run(
    folder: Path, service: PhotoService
) -> None:
    service.reply = lambda _, body: (
        error(422, "image_not_decodable") if b"a.jpg" in body else (200, answer_of(body), {})
    )
    (folder / "empty.png").touch()
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    result = classify(folder, service)
    assert result.returncode == 1
    assert "1 failed: image_not_decodable" in result.stderr
    failed = {each["photo"]: each["error"] for each in lines(folder) if "error" in each}
    assert {photo: each["code"] for photo, each in failed.items()} == {
        "a.jpg": "image_not_decodable",
        "empty.png": "empty_file",
        "phone.heic": "unsupported_type",
    }
    assert "iPhone" in failed["phone.heic"]["message"]
    (folder / "empty.png").unlink()
    (folder / "phone.heic").unlink()
    service.reply = lambda _, body: (200, answer_of(body), {})
    assert classify(folder, service).returncode == 0
    check_each_once(folder, NAMES)


def test_links_in_a_circle_pipes_and_links_to_nothing_end_no_batch(
    folder: Path, service: PhotoService
) -> None:
    (folder / "below" / "up").symlink_to(folder)
    (folder / "linked.jpg").symlink_to(folder / "a.jpg")
    (folder / "lost.jpg").symlink_to(folder / "nothing")
    (folder / "itself.jpg").symlink_to(folder / "itself.jpg")
    os.mkfifo(folder / "pipe.jpg")
    figures = json.loads(classify(folder, service, "--json").stdout)
    assert figures["classified"] == 5
    assert figures["errors"] == {"unreadable_file": 2}
    assert figures["other_files"] == 2  # the pipe, and the link to a folder


def test_an_empty_folder_and_one_that_is_missing_are_errors(
    tmp_path: Path, service: PhotoService
) -> None:
    (tmp_path / "photos").mkdir()
    assert refusal(classify(tmp_path / "photos", service)) == "no_photos"
    assert refusal(classify(tmp_path / "other", service)) == "no_such_file"


def test_a_results_file_that_cannot_be_written_is_an_error_before_any_call(
    folder: Path, service: PhotoService
) -> None:
    for out in (folder, folder / "missing" / "results.jsonl", Path("/dev/full")):
        result = run_here("classify", str(folder), "--url", service.url, "--out", str(out))
        assert refusal(result) == "out_unusable"
    assert service.bodies == []


def test_a_full_disk_stops_the_batch_and_leaves_whole_lines(
    folder: Path, service: PhotoService
) -> None:
    out = folder.parent / "results.jsonl"
    limited = 'ulimit -f 1; exec "$@"'  # one kilobyte: a line, and a part of the next one
    command = [WARMLENS, "classify", str(folder), "--url", service.url, "--out", str(out)]
    result = subprocess.run(
        ["bash", "-c", limited, "bash", *command], capture_output=True, text=True, check=False
    )
    assert refusal(result) == "out_failed"
    assert 1 <= len(lines(folder)) < 4
    assert classify(folder, service).returncode == 0
    check_each_once(folder, NAMES)


def test_two_runs_at_once_never_write_the_same_file(folder: Path, service: PhotoService) -> None:
    with open_results(folder.parent / "results.jsonl", str(folder)):
        assert refusal(classify(folder, service)) == "out_in_use"
    assert service.bodies == []
    assert classify(folder, service).returncode == 0


def test_another_model_half_way_stops_the_batch(folder: Path, service: PhotoService) -> None:
    service.reply = lambda number, body: (
        200, answer_of(body, version="1.0.0" if number <= 2 else "2.0.0"), {}
    )  # fmt: skip
    result = classify(folder, service, "--concurrency", "1")
    assert refusal(result) == "other_model"
    assert [each["answer"]["version"] for each in lines(folder)] == ["1.0.0"] * 2
    assert refusal(classify(folder, service)) == "other_model"
    service.reply = lambda _, body: (200, answer_of(body), {})
    assert classify(folder, service).returncode == 0
    check_each_once(folder, NAMES)


def test_results_of_another_folder_and_other_files_are_left_as_they_are(
    folder: Path, service: PhotoService
) -> None:
    assert classify(folder, service).returncode == 0
    out = folder.parent / "results.jsonl"
    before = out.read_bytes()
    assert refusal(
        run_here("classify", str(folder / "below"), "--url", service.url, "--out", str(out))
    ) == "other_source"  # fmt: skip
    assert out.read_bytes() == before
    for text in (b"name,price\n", b"no line end", b"{}\n", b'{"photo": "a.jpg"}\n', before * 2):
        out.write_bytes(text)
        assert refusal(classify(folder, service)) == "not_results"
        assert out.read_bytes() == text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "quota_exceeded"),
        (403, "invalid_api_key"),
        (401, "unauthorized"),
        (404, "no_such_call"),
    ],
)
def test_an_error_that_every_call_would_get_stops_the_batch(
    folder: Path, service: PhotoService, status: int, code: str
) -> None:
    service.reply = lambda *_: error(status, code)
    result = classify(folder, service)
    assert refusal(result) == code
    assert "continues where it stopped" in result.stderr
    assert lines(folder) == []
    assert len(service.bodies) <= 4


def test_the_calls_at_once_are_as_many_as_asked(tmp_path: Path, service: PhotoService) -> None:
    import threading

    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.jpg").write_bytes(JPEG + b"x")
    together = threading.Barrier(3)

    def reply(_: int, body: bytes) -> Any:
        together.wait(60)  # passes only if three calls are there
        return 200, answer_of(body), {}

    service.reply = reply
    assert classify(folder, service, "--concurrency", "3").returncode == 0
    assert service.most_at_once == 3


def test_a_service_that_is_gone_stops_the_batch(tmp_path: Path, service: PhotoService) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.jpg").write_bytes(JPEG + b"x")
    service.reply = lambda number, body: (
        (200, answer_of(body), {}) if number <= 10 else error(500, "internal_error")
    )
    result = classify(folder, service)
    assert refusal(result) == "internal_error"
    assert "20 calls in a row failed" in result.stderr
    assert len(lines(folder)) <= 10 + 20 + 4


def test_photos_of_a_bucket_are_read_by_the_api_or_sent_in_the_call(
    cloud: Cloud, bucket: str, tmp_path: Path
) -> None:
    """The API reads the environment's own bucket by path; all else is downloaded and sent."""
    deployment = find_deployment("local", local_state=cloud.folder / "state.json")
    images = deployment.output("ImagesBucket")
    photo = SAMPLE.read_bytes()
    here = f"uploads/{tmp_path.name}"
    in_images = [f"{here}/plain.jpg", f"{here}/my photo é.jpg"]
    for key in in_images:
        deployment.s3.put_object(Bucket=images, Key=key, Body=photo)
    odd = ["a b+c%20.jpg", "dir//twice.jpg", "é/ü\u2028.jpg", "#?&.jpg"]
    for key in (*odd, "folder/"):
        deployment.s3.put_object(Bucket=bucket, Key=key, Body=photo if key != "folder/" else b"")
    deployment.s3.put_object(Bucket=bucket, Key="readme.txt", Body=b"no photo")
    downloaded: list[str] = []
    deployment.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: downloaded.append(params["Key"])
    )
    for place, keys in ((f"s3://{images}/{here}/", in_images), (f"s3://{bucket}", odd)):
        out = tmp_path / f"{len(keys)}.jsonl"
        begun = cloud.log().count('"message":"request"')
        figures, others = classify_many(
            place, out, url=cloud.url, auth=None, deployment=deployment, concurrency=2
        )
        assert figures["classified"] == len(keys)
        assert cloud.log().count('"message":"request"') - begun == len(keys)
        answers = [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n")[:-1]]
        assert sorted(each["photo"] for each in answers) == sorted(keys)
        assert {each["answer"]["TOP1_ID"] for each in answers} == {SAMPLE_ID}
        assert others == (["readme.txt"] if keys is odd else [])
    # What the API can read is not downloaded.
    assert sorted(downloaded) == sorted([*in_images[1:], *odd, "readme.txt"])


def test_a_bucket_that_is_not_there_is_an_error(cloud: Cloud, tmp_path: Path) -> None:
    deployment = find_deployment("local", local_state=cloud.folder / "state.json")
    out = tmp_path / "results.jsonl"
    with pytest.raises(WarmlensError) as refused:
        classify_many(
            "s3://no-such-bucket/x",
            out,
            url=cloud.url,
            auth=None,
            deployment=deployment,
            concurrency=2,
        )
    assert refused.value.code == "unreadable_bucket"
