"""Classify a photo by a client that openapi-python-client made, in the call and uploaded.

Arguments: the API's URL, the photo's path.
"""

import io
import sys
from pathlib import Path

import httpx
from warmlens_generated import Client
from warmlens_generated.api.instances import wakeup
from warmlens_generated.api.models import model
from warmlens_generated.api.photos import classification
from warmlens_generated.api.uploads import uploads
from warmlens_generated.models import (
    ClassificationAnswer,
    ClassificationRequestNamingImage,
    ClassificationRequestNamingImageMethod,
    ErrorAnswer,
    ModelAnswer,
    UploadsAnswer,
    UploadsRequest,
    WakeupAnswer,
    WakeupRequest,
    WakeupRequestMethod,
)
from warmlens_generated.types import File

url, photo = sys.argv[1], Path(sys.argv[2]).read_bytes()
client = Client(base_url=url, timeout=httpx.Timeout(60))

awake = wakeup.sync(client=client, body=WakeupRequest(method=WakeupRequestMethod.WAKEUP))
assert isinstance(awake, WakeupAnswer), awake

answer = classification.sync(client=client, body=File(payload=io.BytesIO(photo)), top=3)
assert isinstance(answer, ClassificationAnswer), answer
print("call", answer.predictions[0].label, len(answer.predictions))

grant = uploads.sync(
    client=client, body=UploadsRequest(bytes_=len(photo), content_type="image/jpeg")
)
assert isinstance(grant, UploadsAnswer), grant
form = grant.fields.additional_properties
httpx.post(grant.url, data=form, files={"file": ("photo", photo)}).raise_for_status()
body = ClassificationRequestNamingImage(
    method=ClassificationRequestNamingImageMethod.CLASSIFICATION, file_path=grant.file_path
)
answer = classification.sync(client=client, body=body)
assert isinstance(answer, ClassificationAnswer), answer
print("upload", answer.predictions[0].label, len(answer.predictions))

refused = classification.sync(client=client, body=File(payload=io.BytesIO(b"no photo")))
assert isinstance(refused, ErrorAnswer), refused
print("refused", refused.error.code)

known = model.sync(client=client)
assert isinstance(known, ModelAnswer), known
assert answer.recognized == (None if known.threshold is None else True), (answer, known)
print("knows", answer.predictions[0].label in known.labels, len(known.labels))
