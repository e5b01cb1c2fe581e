"""`warmlens photos`: an operator lists and deletes uploaded photos."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stacks.storage import UPLOAD_PREFIX
from tests.conftest import Cloud, run_warmlens
from warmlens.errors import WarmlensError
from warmlens.photos import PREFIX, StoredPhoto, delete_photos, find_photos, photos_at

DAY = timedelta(days=1)


def photos(cloud: Cloud, *arguments: str) -> Any:
    return run_warmlens("photos", *arguments, "--env", "local", "--folder", str(cloud.folder))


@pytest.fixture
def stored(cloud: Cloud, s3: Any) -> tuple[str, list[str]]:
    """The images bucket with two uploads, and their paths."""
    (bucket,) = (
        variables["IMAGES_BUCKET"]
        for variables in [
            cloud.client("lambda").get_function_configuration(
                FunctionName="warmlens-local-uploads"
            )["Environment"]["Variables"]
        ]
    )
    paths = [cloud.post("uploads", {"bytes": 3}).json()["file_path"] for _ in range(2)]
    for path in paths:
        s3.put_object(Bucket=bucket, Key=path, Body=b"abc")
    return bucket, paths


def test_the_prefix_is_that_of_the_deployed_bucket() -> None:
    assert PREFIX == UPLOAD_PREFIX


def test_a_named_photo_is_listed_deleted_and_then_gone(
    cloud: Cloud, s3: Any, stored: tuple[str, list[str]]
) -> None:
    bucket, (mine, other) = stored
    assert f"{mine}\t" in photos(cloud, "list").stdout
    result = photos(cloud, "delete", mine)
    assert (result.returncode, result.stdout) == (0, f"Deleted {mine}\n")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert mine not in keys
    assert {other, "test/20200118.jpg"} <= set(keys)
    again = photos(cloud, "delete", mine, "--json")
    assert json.loads(again.stdout) == {"deleted": [], "not_stored": [mine]}


def test_a_time_is_deleted_after_a_yes_alone_and_no_sample_with_it(
    cloud: Cloud, s3: Any, stored: tuple[str, list[str]]
) -> None:
    bucket, paths = stored
    refused = photos(cloud, "delete", "--after", "2020-01-01")
    assert refused.returncode == 2
    assert "not_confirmed" in refused.stderr
    assert "--yes" in refused.stderr
    tomorrow = (datetime.now(UTC) + DAY).date().isoformat()
    for nothing in (["--before", "2020-01-01"], ["--after", tomorrow]):
        result = photos(cloud, "delete", *nothing, "--yes")
        assert (result.returncode, result.stdout) == (0, "")
        assert "No photo" in result.stderr
    assert photos_at(s3, bucket, paths[0])
    result = photos(cloud, "delete", "--before", tomorrow, "--yes", "--json")
    assert {each["file_path"] for each in json.loads(result.stdout)["deleted"]} >= set(paths)
    assert find_photos(s3, bucket) == []
    assert s3.head_object(Bucket=bucket, Key="test/20200118.jpg")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["test/20200118.jpg"], "not_an_upload"),
        (["uploads/"], "not_an_upload"),
        (["../uploads/x.jpg"], "not_an_upload"),
        ([], "usage"),
        (["uploads/x.jpg", "--after", "2026-01-01"], "usage"),
        (["--after", "yesterday"], "usage"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(cloud: Cloud, arguments: list[str], code: str) -> None:
    result = photos(cloud, "delete", *arguments, "--yes", "--json")
    assert json.loads(result.stdout)["error"]["code"] == code
    assert result.returncode != 0


def test_of_a_versioned_bucket_every_version_is_deleted(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("uploads/mine.jpg", "uploads/mine.jpg", "uploads/mine.jpg.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"abc")
    s3.delete_object(Bucket=bucket, Key="uploads/mine.jpg")
    mine = photos_at(s3, bucket, "uploads/mine.jpg")
    assert [each.size_bytes for each in mine].count(3) == 2
    delete_photos(s3, bucket, mine)
    assert [each.file_path for each in find_photos(s3, bucket)] == ["uploads/mine.jpg.jpg"]


def test_what_s3_refuses_is_an_error_that_says_what_to_do() -> None:
    class Refusing:
        def delete_objects(self, **_: object) -> dict[str, object]:
            refusal = {"Key": "uploads/x.jpg", "Code": "AccessDenied", "Message": "Access Denied"}
            return {"Errors": [refusal]}

    photo = StoredPhoto(
        file_path="uploads/x.jpg",
        uploaded_at=datetime.now(UTC),
        size_bytes=3,
        version_id="null",
    )
    s3: Any = Refusing()
    with pytest.raises(WarmlensError, match=r"uploads/x.jpg \(AccessDenied.*DeleteObjectVersion"):
        delete_photos(s3, "images", [photo])
