"""Photos that `warmlens_client` takes: files, bytes and PIL images."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration import client_harness
from tests.integration.api_stub import Service
from tests.integration.client_harness import PHOTO, Run, blocking
from warmlens_client import PhotoError

run = client_harness.run  # a fixture
service = client_harness.service  # a fixture


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "content_type"),
    [
        ("RGB", "image/jpeg"), ("L", "image/jpeg"), ("CMYK", "image/jpeg"), ("YCbCr", "image/jpeg"),
        ("RGBA", "image/png"), ("P", "image/png"), ("LA", "image/png"), ("1", "image/png"),
    ],
)  # fmt: skip
async def test_a_pil_image_is_sent_as_a_file_of_its_pixels(
    service: Service, mode: str, content_type: str
) -> None:
    image = Image.new("RGB", (40, 30), (200, 100, 50)).convert(mode)
    await blocking(service.url, "classify", image)
    ((request, body),) = service.requests
    assert request.content_type == content_type
    sent = Image.open(io.BytesIO(body))
    assert (sent.size, sent.mode) == ((40, 30), "CMYK" if mode == "CMYK" else sent.mode)
    expected, pixel = (each.convert("RGB").getpixel((5, 5)) for each in (image, sent))
    assert isinstance(expected, tuple)
    assert isinstance(pixel, tuple)
    assert max(abs(a - b) for a, b in zip(expected, pixel, strict=True)) <= 3


async def test_an_opened_photo_keeps_what_decides_its_pixels_and_nothing_private(
    service: Service,
) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A maker"
    data = file_of(Image.new("RGB", (40, 30)), "JPEG", exif=exif, icc_profile=b"a profile")
    await blocking(service.url, "classify", Image.open(io.BytesIO(data)))
    sent = Image.open(io.BytesIO(service.requests[0][1]))
    assert dict(sent.getexif()) == {0x0112: 6}
    assert sent.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize(
    ("photo", "code"),
    [
        (b"", "empty_file"),
        (b"hello", "unsupported_type"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "unsupported_type"),
        (Path("nowhere.jpg"), "unreadable_file"),
        ("/", "unreadable_file"),
        ("/dev/zero", "unsupported_type"),
        (Image.new("F", (9, 9)), "unsupported_mode"),
        (Image.new("RGB", (0, 9)), "unreadable_image"),
    ],
)
async def test_what_is_no_photo_is_not_sent(
    run: Run, service: Service, photo: Any, code: str
) -> None:
    with pytest.raises(PhotoError) as caught:
        await run(service.url, "classify", photo)
    assert (caught.value.code, service.asked) == (code, [])


async def test_a_damaged_pil_image_is_not_sent(service: Service) -> None:
    data = file_of(Image.effect_noise((200, 200), 50), "JPEG")
    with pytest.raises(PhotoError, match="truncated") as caught:
        await blocking(service.url, "classify", Image.open(io.BytesIO(data[:2000])))
    assert (caught.value.code, service.asked) == ("unreadable_image", [])


async def test_a_photo_too_large_for_a_call_is_uploaded_unless_that_is_ruled_out(
    run: Run, service: Service
) -> None:
    photo = PHOTO + bytes(4_400_001 - len(PHOTO))
    with pytest.raises(PhotoError) as caught:
        await run(service.url, "classify", photo, upload=False)
    assert (caught.value.code, service.asked) == ("image_too_large", [])
    await run(service.url, "classify", photo)
    assert service.asked == ["/uploads", "/storage", "/classification"]


async def test_an_object_that_is_no_photo_is_the_callers_mistake(
    run: Run, service: Service
) -> None:
    with pytest.raises(TypeError, match="not int"):
        await run(service.url, "classify", 7)
