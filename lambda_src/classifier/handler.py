"""Lambda handler of the classifier.

The module's body is the init phase: it runs once per instance, before the first call.
"""

import json
import os
import time
import traceback
from typing import Any

from . import STARTED_S
from .bucket import (
    BucketTimeoutError,
    BucketUnavailableError,
    ObjectMissingError,
    ObjectSizeError,
)
from .errors import ModelError, RequestError
from .instance import Instance
from .logs import log, metrics
from .request import Classification, Wakeup, cors_headers, is_api_call, read_request
from .stages import Stages

INSTANCE = Instance(os.environ, started_s=STARTED_S)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a `classification` or `wakeup` call.

    Args:
        event: API Gateway's proxy event, or the request itself when invoked directly.
        context: Lambda's context; only its `aws_request_id` is used.

    Returns:
        For API Gateway `{"statusCode", "headers", "body"}`; for a direct invoke the answer itself,
        with the HTTP status as `status` if it is an error.
    """
    stages = Stages()
    through_api = isinstance(event, dict) and is_api_call(event)
    cold_start = INSTANCE.begin_call()
    try:
        status, answer = 200, _answer(event, stages, cold_start)
    except RequestError as error:
        message = error.message if through_api else error.direct_message
        status, answer = error.status, _error(error.code, message)
    except Exception:
        log("ERROR", "unexpected", request_id=context.aws_request_id, trace=traceback.format_exc())
        status, answer = 500, _error("internal_error", f"Request {context.aws_request_id} failed.")
    log(
        "INFO",
        "request",
        request_id=context.aws_request_id,
        instance_id=INSTANCE.id,
        status=status,
        method=answer.get("method"),
        code=answer.get("error", {}).get("code"),
        cold_start=cold_start,
        time_s=stages.elapsed_s(),
        stages_ms=stages.milliseconds,
        **_metrics(status, answer, stages, cold_start),
    )
    if through_api:
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **cors_headers(event, INSTANCE.config.cors_origins),
        }
        return {"statusCode": status, "headers": headers, "body": json.dumps(answer)}
    return answer if status == 200 else {**answer, "status": status}


def _metrics(
    status: int, answer: dict[str, Any], stages: Stages, cold_start: bool
) -> dict[str, object]:
    """Return the metrics of a user's call; the warmer counts wakeups itself."""
    if answer.get("method") == "wakeup":
        return {}
    values = {
        "LatencyMs": round(stages.elapsed_s() * 1000, 3),
        "ColdStart": int(cold_start),
        "Fault": int(status >= 500),
    }
    if cold_start and not INSTANCE.from_snapshot:  # nobody waited for the init of a snapshot
        values["InitMs"] = INSTANCE.init_ms
    return metrics(INSTANCE.config.metrics_environment, values)


def _answer(event: object, stages: Stages, cold_start: bool) -> dict[str, Any]:
    request = read_request(
        event,
        image_prefixes=INSTANCE.config.image_prefixes,
        max_hold_ms=INSTANCE.config.max_hold_ms,
        now_ms=time.time() * 1000,
    )
    if isinstance(request, Wakeup):
        return _wake(request, stages, cold_start)
    return _classify(request, stages, cold_start)


def _classify(request: Classification, stages: Stages, cold_start: bool) -> dict[str, Any]:
    model = INSTANCE.model()
    with stages.measure("fetch"):
        data = _fetch_image(request.file_path)
    with stages.measure("decode"):
        pixels = model.prepare(
            data,
            max_pixels=INSTANCE.config.max_image_pixels,
            max_decode_ms=INSTANCE.config.max_decode_ms,
        )
    try:
        with stages.measure("inference"):
            predictions = model.classify(pixels)
    except ModelError as error:
        raise INSTANCE.unavailable(error) from None

    answer: dict[str, Any] = {"method": "classification"}
    for rank, prediction in enumerate(predictions, start=1):
        answer[f"TOP{rank}_ID"] = prediction.class_id
        answer[f"TOP{rank}_softmax"] = prediction.softmax
    answer["time"] = stages.elapsed_s()
    for rank, prediction in enumerate(predictions, start=1):
        answer[f"TOP{rank}_label"] = prediction.label
    return {**answer, **_about(cold_start), "stages_ms": stages.milliseconds}


def _wake(request: Wakeup, stages: Stages, cold_start: bool) -> dict[str, Any]:
    try:
        # An instance without a working model is not warm, nor is one without a client for images.
        INSTANCE.model().dry_forward()
        INSTANCE.images()
    except ModelError as error:
        raise INSTANCE.unavailable(error) from None
    max_hold_ms = INSTANCE.config.max_hold_ms
    time.sleep(request.hold_s(now_ms=time.time() * 1000, max_hold_ms=max_hold_ms))
    return {"method": "wakeup", "time": stages.elapsed_s(), **_about(cold_start)}


def _fetch_image(file_path: str) -> bytes:
    max_bytes = INSTANCE.config.max_image_bytes
    try:
        return INSTANCE.images().read(file_path, max_bytes=max_bytes)
    except ObjectMissingError:
        raise RequestError(
            404, "image_not_found", f"There is no image at {file_path}; upload it first."
        ) from None
    except ObjectSizeError as error:
        raise RequestError(
            413,
            "image_too_large",
            f"The image has {error.size_bytes} bytes; at most {max_bytes} are accepted.",
        ) from None
    except BucketTimeoutError:
        raise RequestError(
            504, "timed_out", "The image could not be fetched in time; try again."
        ) from None
    except BucketUnavailableError as error:
        log("ERROR", "storage_unavailable", file_path=file_path, reason=str(error))
        raise RequestError(
            503, "storage_unavailable", "The image could not be fetched; try again."
        ) from None


def _about(cold_start: bool) -> dict[str, Any]:
    return {
        "model": INSTANCE.config.model_name,
        "version": INSTANCE.config.model_version,
        "instance_id": INSTANCE.id,
        "cold_start": cold_start,
        "init_ms": INSTANCE.init_ms,
    }


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
