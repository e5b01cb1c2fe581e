"""Images made to do harm, through the API: each is answered or refused, and no instance is lost."""

from collections.abc import Iterator

import pytest

from tests.conftest import SAMPLE, SAMPLE_ID, Cloud
from tests.hostile.images import DAMAGED, HOSTILE, PIXELS

FOLDER = "uploads/hostile"
SOUND = {"method": "classification", "file_path": f"{FOLDER}/sound"}
# Said of what is larger or slower than the settings allow, whatever it is otherwise.
BY_LIMIT = {"image_too_large", "image_too_slow"}


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> Iterator[str]:
    """The images bucket, with a sound photo; after the tests all instances must be there still."""
    parameter = cloud.client("ssm").get_parameter(Name="/warmlens/local/ImagesBucket")
    name = str(parameter["Parameter"]["Value"])
    cloud.client("s3").upload_file(str(SAMPLE), name, SOUND["file_path"])
    cloud.post("classification", SOUND)
    before = {each["id"] for each in cloud.status()["instances"]}
    yield name
    assert before
    assert before <= {each["id"] for each in cloud.status()["instances"]}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_answered_or_refused_and_the_next_call_served(
    cloud: Cloud, bucket: str, name: str
) -> None:
    hostile = HOSTILE[name]
    path = f"{FOLDER}/{name}"
    cloud.client("s3").put_object(Bucket=bucket, Key=path, Body=hostile.make())
    answer = cloud.post("classification", {"method": "classification", "file_path": path})
    told = "ok" if answer.status_code == 200 else answer.json()["error"]["code"]
    assert answer.status_code < 500, answer.text
    # The cloud's limits are those of its settings, higher than the unit tests': what it decodes
    # instead of refusing it by its size may turn out to lack pixels.
    decoded = {DAMAGED} if PIXELS in hostile.answers else set()
    assert told in {*hostile.answers, *BY_LIMIT, *decoded}
    assert cloud.post("classification", SOUND).json()["TOP1_ID"] == SAMPLE_ID
