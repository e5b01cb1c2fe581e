"""Files of other types are refused by a sentence that names them and says what to do."""

import io

import pytest
from PIL import Image

from lambda_src.classifier.errors import RequestError
from tests.hostile.decoding import open_image
from tests.hostile.formats import encode
from warmlens.paths import LAMBDA_SRC, ROOT

PHOTO = Image.new("RGB", (32, 32), "red")


def brands(*names: bytes) -> bytes:
    content = names[0] + bytes(4) + b"".join(names[1:])
    return (8 + len(content)).to_bytes(4, "big") + b"ftyp" + content + bytes(100)


FILES = {
    "HEIC photo": brands(b"heic", b"mif1", b"heic"),
    "HEIC photo, ": brands(b"mif1", b"mif1", b"heic"),
    "AVIF picture": encode(PHOTO, "AVIF"),
    "AVIF picture, ": brands(b"mif1", b"avif", b"miaf"),
    "video": brands(b"isom", b"mp42"),
    "video,": brands(b"qt  "),
    "video, ": b"\x1a\x45\xdf\xa3" + bytes(50),
    "TIFF": encode(PHOTO, "TIFF"),
    "camera's raw file": brands(b"crx "),
    "BMP picture": encode(PHOTO, "BMP"),
    "icon": encode(PHOTO, "ICO"),
    "JPEG 2000 picture": encode(PHOTO, "JPEG2000"),
    "JPEG XL picture": b"\xff\x0a" + bytes(50),
    "PDF document": encode(PHOTO, "PDF"),
    "SVG drawing": b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="..."></svg>',
    "web page": b"\n<!DOCTYPE html><html></html>",
    "archive": b"PK\3\4" + bytes(50),
    "base64": b"data:image/jpeg;base64,/9j/",
    "Photoshop": b"8BPS" + bytes(50),
    "empty": b"",
    "not a supported picture": b"hello",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_type_is_refused_by_its_name_with_what_to_do(name: str) -> None:
    with pytest.raises(RequestError) as refused:
        open_image(FILES[name], max_pixels=10**6, max_decode_ms=1_000)
    error = refused.value
    assert (error.status, error.code) == (415, "unsupported_type")
    assert name.rstrip(", ") in error.message
    assert any(word in error.message for word in ("JPEG", "Send", "Decode", "Unpack", "save"))


def test_the_beginning_of_a_file_is_enough() -> None:
    data = io.BytesIO(FILES["AVIF picture"]).read(64)
    with pytest.raises(RequestError, match="AVIF"):
        open_image(data, max_pixels=10**6, max_decode_ms=1_000)


def test_the_client_names_them_alike() -> None:
    ours = LAMBDA_SRC / "classifier" / "other_types.py"
    assert (ROOT / "warmlens_client" / "other_types.py").samefile(ours)
