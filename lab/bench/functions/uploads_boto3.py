"""The uploads function as it was until November 2026: signs with boto3, and wakes no instance.

It is a baseline of `python -m lab bench first-visitor`, without the checks of the request, which
take no time beside boto3's import.
"""

import json
import os
import time
import uuid
from typing import Any

import boto3
from botocore.config import Config

_s3 = boto3.client(
    "s3",
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    ),
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer `{"content_type", "bytes"}` with a presigned POST."""
    request = json.loads(event["body"])
    day = time.strftime("%Y/%m/%d", time.gmtime())
    file_path = f"{os.environ['UPLOAD_PREFIX']}{day}/{uuid.uuid4().hex}.jpg"
    post = _s3.generate_presigned_post(
        os.environ["IMAGES_BUCKET"],
        file_path,
        Fields={"Content-Type": request["content_type"]},
        Conditions=[
            {"Content-Type": request["content_type"]},
            ["content-length-range", request["bytes"], request["bytes"]],
        ],
        ExpiresIn=int(os.environ["UPLOAD_EXPIRES_S"]),
    )
    answer = {"url": post["url"], "fields": post["fields"], "file_path": file_path}
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(answer)}
