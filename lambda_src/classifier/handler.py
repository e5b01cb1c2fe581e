"""Lambda handler of the classifier.

The module's body is the init phase: it runs once per instance, before the first call.
"""

import json
import os
import time
import traceback
from typing import TYPE_CHECKING, Any

from . import STARTED_S
from .errors import (
    BucketTimeoutError,
    BucketUnavailableError,
    ModelError,
    ObjectMissingError,
    ObjectSizeError,
    RequestError,
)
from .http_call import read_http_call
from .instance import Instance
from .logs import log, metrics
from .request import (
    Classification,
    ModelRequest,
    Request,
    Wakeup,
    cors_headers,
    image_bytes,
    read_request,
)
from .stages import Stages

if TYPE_CHECKING:
    from .model import Model

MAX_LABELS_CHARACTERS = 2_900_000
"""Half of the 6 MB that a function may return: the answer is JSON in JSON, which escapes it again
(Lambda developer guide, "Lambda quotas")."""

INSTANCE = Instance(os.environ, started_s=STARTED_S)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a `classification`, `wakeup` or `model` call.

    Args:
        event: an HTTP request, as API Gateway, a function URL or a load balancer passes it on, or
            the request itself when invoked directly.
        context: Lambda's context; only its `aws_request_id` is used.

    Returns:
        For an HTTP request `{"statusCode", "headers", "body"}`; for a direct invoke the answer
        itself, with the HTTP status as `status` if it is an error.
    """
    stages = Stages()
    call = read_http_call(event)
    cold_start = INSTANCE.begin_call()
    request: Request | None = None
    cause: str | None = None
    try:
        request = read_request(
            event,
            call,
            image_prefixes=INSTANCE.config.image_prefixes,
            max_hold_ms=INSTANCE.config.max_hold_ms,
            now_ms=time.time() * 1000,
        )
        status, answer = 200, _answer(request, stages, cold_start)
    except RequestError as error:
        message = error.message if call else error.direct_message
        status, answer, cause = error.status, _error(error.code, message), error.cause
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
        **({"code": answer["error"]["code"]} if "error" in answer else {}),
        **({"cause": cause} if cause else {}),
        cold_start=cold_start,
        time_s=round(stages.elapsed_s(), 6),
        stages_ms=stages.milliseconds,
        **_metrics(request, status, answer, stages, cold_start),
    )
    if call:
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **cors_headers(call, INSTANCE.config.cors_origins),
        }
        return call.answer(status, headers, json.dumps(answer, separators=(",", ":")))
    return answer if status == 200 else {**answer, "status": status}


def _metrics(
    request: Request | None, status: int, answer: dict[str, Any], stages: Stages, cold_start: bool
) -> dict[str, object]:
    """Return the metrics of a call; cold starts that a photo waited for are counted apart."""
    values: dict[str, float] = {"Fault": int(status >= 500)}
    if isinstance(request, ModelRequest):
        values["ColdStartAhead"] = int(cold_start)
    elif isinstance(request, Wakeup):
        if request.hold_until_ms is None:  # not of a round, whose cold starts the warmer counts
            values["ColdStartAhead"] = int(cold_start)
    else:
        values["LatencyMs"] = round(stages.elapsed_s() * 1000, 3)
        values["ColdStart"] = int(cold_start)
        if cold_start and not INSTANCE.from_snapshot:  # nobody waited for the init of a snapshot
            values["InitMs"] = INSTANCE.init_ms
        if status == 200:
            values["Top1Softmax"] = round(answer["TOP1_softmax"], 4)
            if answer["recognized"] is not None:
                values["Recognized"] = int(answer["recognized"])
    return metrics(INSTANCE.config.metrics_environment, values)


def _answer(request: Request, stages: Stages, cold_start: bool) -> dict[str, Any]:
    if isinstance(request, Wakeup):
        return _wake(request, stages, cold_start)
    if isinstance(request, ModelRequest):
        return _describe(stages, cold_start)
    return _classify(request, stages, cold_start)


def _classify(request: Classification, stages: Stages, cold_start: bool) -> dict[str, Any]:
    model = INSTANCE.model()
    with stages.measure("fetch"):
        data = _image(request)
    with stages.measure("decode"):
        pixels = model.prepare(
            data,
            max_pixels=INSTANCE.config.max_image_pixels,
            max_decode_ms=INSTANCE.config.max_decode_ms,
        )
    try:
        with stages.measure("inference"):
            if request.explain:
                predictions, features = model.classify_with_features(pixels, top=request.top)
            else:
                predictions = model.classify(pixels, top=request.top)
        if request.explain:
            with stages.measure("explain"):
                explanation = model.explain(predictions[0].class_id, features, data)
    except ModelError as error:
        raise INSTANCE.unavailable(error) from None

    answer: dict[str, Any] = {"method": "classification"}
    for rank, prediction in enumerate(predictions, start=1):
        answer[f"TOP{rank}_ID"] = prediction.class_id
        answer[f"TOP{rank}_softmax"] = prediction.softmax
    answer["time"] = stages.elapsed_s()
    for rank, prediction in enumerate(predictions, start=1):
        answer[f"TOP{rank}_label"] = prediction.label
    answer["predictions"] = [
        {"id": each.class_id, "label": each.label, "softmax": each.softmax} for each in predictions
    ]
    answer["recognized"] = model.recognizes(predictions[0])
    if model.manifest.explain is None:
        answer["explains"] = False
    if request.explain:
        answer["explanation"] = explanation
    return {**answer, **_about(cold_start), "stages_ms": stages.milliseconds}


def _wake(request: Wakeup, stages: Stages, cold_start: bool) -> dict[str, Any]:
    _warm_model()
    max_hold_ms = INSTANCE.config.max_hold_ms
    time.sleep(request.hold_s(now_ms=time.time() * 1000, max_hold_ms=max_hold_ms))
    return {"method": "wakeup", "time": stages.elapsed_s(), **_about(cold_start)}


def _describe(stages: Stages, cold_start: bool) -> dict[str, Any]:
    model = _warm_model()
    if len(json.dumps(model.labels)) > MAX_LABELS_CHARACTERS:
        raise RequestError(
            413,
            "answer_too_large",
            f"The names of the model's {len(model.labels)} classes have more than the "
            f"{MAX_LABELS_CHARACTERS} characters that an answer may have. Read them from "
            "labels.json of its version.",
        )
    return {
        "method": "model",
        "time": stages.elapsed_s(),
        **_about(cold_start),
        "title": model.manifest.title,
        "class_count": model.manifest.class_count,
        "threshold": model.manifest.threshold,
        "labels": model.labels,
    }


def _warm_model() -> "Model":
    """Return the model of an instance that is warm: its model works, and it can fetch images."""
    model = INSTANCE.model()
    try:
        model.dry_forward()
        INSTANCE.images()
    except ModelError as error:
        raise INSTANCE.unavailable(error) from None
    return model


def _image(request: Classification) -> bytes:
    max_bytes = INSTANCE.config.max_image_bytes
    if request.image_base64 is not None:
        return image_bytes(request.image_base64, max_bytes=max_bytes)
    assert request.file_path is not None
    return _fetch_image(request.file_path, max_bytes)


def _fetch_image(file_path: str, max_bytes: int) -> bytes:
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
            f"The image has {error.size_bytes} bytes; at most {max_bytes} are accepted "
            "(max_image_bytes). Send a smaller one.",
        ) from None
    except BucketTimeoutError:
        from .bucket import REQUEST_TIMEOUT_S  # loaded by now, and not needed at init

        raise RequestError(
            504, "timed_out", f"S3 has not sent the image within {REQUEST_TIMEOUT_S} s; try again."
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
