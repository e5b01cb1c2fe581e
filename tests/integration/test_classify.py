"""`warmlens classify` with an API or a bucket that returns errors."""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lambda_src.classifier.deadline import Deadline, TookTooLongError
from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.picture import _refusals
from tests.conftest import run_here
from tests.integration.api_stub import ANSWER, EXPLANATION, GRANT, Service, running_service
from warmlens.classify import classify
from warmlens.errors import WarmlensError
from warmlens.explanation import write_picture


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as service:
        yield service


async def refusal(service: Service, folder: Path) -> WarmlensError:
    photo = folder / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xffa photo")
    with pytest.raises(WarmlensError) as refused:
        await asyncio.to_thread(classify, photo, url=service.url, upload=True)
    return refused.value


@pytest.mark.parametrize(
    ("size_bytes", "upload", "asked"),
    [
        (4_400_000, False, ["/classification"]),
        (4_400_001, False, ["/uploads", "/storage", "/classification"]),
        (1_000, True, ["/uploads", "/storage", "/classification"]),
    ],
)
async def test_a_photo_takes_one_call_unless_it_is_large_or_is_to_be_uploaded(
    service: Service, tmp_path: Path, size_bytes: int, upload: bool, asked: list[str]
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff" + bytes(size_bytes - 3))
    answer = await asyncio.to_thread(classify, photo, url=service.url, upload=upload)
    assert answer["TOP1_label"] == "cup"
    assert service.asked == asked


REACHES_NO_FUNCTION = (503, {"error": {"code": "unavailable", "message": "no"}})


@pytest.fixture
def waits_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times that were waited, while no time passes."""
    waits_s: list[float] = []
    monkeypatch.setattr("time.sleep", lambda wait_s: waits_s.append(wait_s) if wait_s else None)
    return waits_s


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, "<html>", "unexpected_answer"),
        (405, "<Error/>", "unexpected_answer"),
        (200, [], "unexpected_answer"),
        (404, None, "unexpected_answer"),
        (200, {}, "unexpected_answer"),
        (403, {"message": "Forbidden"}, "forbidden"),
        (307, {**GRANT, "url": ""}, "refused"),
        (400, {"error": "another form"}, "refused"),
        (429, {"error": {"code": "throttled", "message": "Slow down."}}, "throttled"),
    ],
)
@pytest.mark.parametrize("call", ["uploads", "classification"])
async def test_an_answer_that_is_not_the_apis_is_told_in_one_line(
    service: Service,
    tmp_path: Path,
    call: str,
    status: int,
    body: Any,
    code: str,
    waits_s: list[float],
) -> None:
    service.answers[f"/{call}"] = (status, body)
    error = await refusal(service, tmp_path)
    assert error.code == code
    assert str(error)
    assert "\n" not in str(error)


async def test_an_upload_that_s3_refuses_is_told_with_its_reason(
    service: Service, tmp_path: Path
) -> None:
    service.answers["/storage"] = (403, "<Error><Code>AccessDenied</Code></Error>")
    error = await refusal(service, tmp_path)
    assert error.code == "upload_refused"
    assert "AccessDenied" in str(error)


@pytest.mark.parametrize("status", [301, 307])
async def test_an_upload_that_is_redirected_is_not_taken_for_stored(
    service: Service, tmp_path: Path, status: int
) -> None:
    service.answers["/storage"] = (status, "<Error><Code>TemporaryRedirect</Code></Error>")
    error = await refusal(service, tmp_path)
    assert error.code == "upload_redirected"
    assert "the address of the bucket's region" in str(error)
    assert service.asked == ["/uploads", "/storage"]


@pytest.mark.parametrize("call", ["uploads", "classification"])
async def test_a_service_that_rested_for_weeks_is_called_once_more(
    service: Service,
    tmp_path: Path,
    call: str,
    waits_s: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.first[f"/{call}"] = [REACHES_NO_FUNCTION]
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xffa photo")
    answer = await asyncio.to_thread(classify, photo, url=service.url, upload=True)
    assert answer["TOP1_label"] == "cup"
    assert waits_s == [10]
    assert "after weeks without calls; trying once more in 10.0 s" in capsys.readouterr().err
    assert service.asked.count("/storage") == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"hello", "not a supported picture. Send a JPEG, PNG, WebP or GIF."),
        (b"\0\0\0\x18ftypheic" + bytes(50), "a HEIC photo, .* export it as JPEG"),
        (b"\0\0\0\x18ftypavif" + bytes(50), "an AVIF picture, .* export it as JPEG"),
        (b"II*\0" + bytes(50), "a TIFF or a camera's raw file"),
        (b"<!doctype html>", "a web page"),
    ],
)
async def test_what_is_no_image_is_not_sent_and_named(
    service: Service, tmp_path: Path, data: bytes, sentence: str
) -> None:
    note = tmp_path / "note.jpg"
    note.write_bytes(data)
    with pytest.raises(WarmlensError, match=rf"note\.jpg: The file is {sentence}") as refused:
        await asyncio.to_thread(classify, note, url=service.url)
    assert refused.value.code == "unsupported_type"
    assert service.asked == []


def test_a_picture_is_red_where_the_class_is(tmp_path: Path) -> None:
    photo = Image.new("RGB", (40, 80), "white")
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: the picture has 80 x 40 pixels
    photo.save(tmp_path / "photo.png", exif=exif)
    for name in ("why.png", "why.jpg"):
        write_picture(
            tmp_path / "photo.png", {**ANSWER, "explanation": EXPLANATION}, tmp_path / name
        )
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (80, 40)
            blue = picture.getchannel("B").tobytes()[20 * 80 : 21 * 80]
        assert min(blue[2], blue[18], blue[62], blue[78]) > 245  # not seen
        assert blue[22] < 150 < 200 < blue[58]  # where the map is 1 and 0


def test_a_photo_of_a_phone_with_200_megapixels_gets_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)  # Pillow refuses twice as many
    Image.new("RGB", (80, 40), "white").save(tmp_path / "photo.jpg")
    answer = {**ANSWER, "explanation": EXPLANATION}
    write_picture(tmp_path / "photo.jpg", answer, tmp_path / "why.png")
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.size == (80, 40)


@pytest.mark.parametrize("name", ["why.png", "why.jpg"])
def test_a_full_disk_leaves_no_part_of_a_picture(tmp_path: Path, name: str) -> None:
    Image.effect_noise((200, 200), 100).save(tmp_path / "photo.png")
    answer = {**ANSWER, "explanation": EXPLANATION}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_picture(tmp_path / "photo.png", answer, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [each.name for each in tmp_path.iterdir()] == ["photo.png"]


def test_a_model_without_maps_gets_no_picture(tmp_path: Path) -> None:
    for answer in (ANSWER, {**ANSWER, "explanation": None}):
        with pytest.raises(WarmlensError, match=r"cups .* has no class-activation maps") as caught:
            write_picture(tmp_path / "photo.png", answer, tmp_path / "why.png")
        assert caught.value.code == "no_explanation"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("photo.jpg", "--explain", "why.bmp"), "why.bmp must end in .png or .jpg"),
        (("photo.jpg", "--explain", "nowhere/why.png"), "The folder nowhere does not exist"),
        (("web", "--explain", "why.png", "--out", "x.jsonl"), "--explain takes one photo"),
    ],
)
def test_a_picture_that_cannot_be_written_is_refused_before_the_call(
    arguments: tuple[str, ...], message: str
) -> None:
    url = "http://127.0.0.1:9"  # where nothing answers
    result = run_here("classify", *arguments, "--url", url)
    assert result.returncode == 2
    assert message in result.stderr


async def test_the_limit_that_a_photo_exceeds_is_printed(service: Service, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as refused, _refusals(Deadline(5000)):
        raise TookTooLongError
    error = {"code": refused.value.code, "message": refused.value.message}
    service.answers["/classification"] = (422, {"error": error})
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xffa photo")
    result = await asyncio.to_thread(run_here, "classify", str(photo), "--url", service.url)
    assert result.returncode == 1
    assert "the limit of 5000 ms (max_decode_ms)" in " ".join(result.stderr.split())
