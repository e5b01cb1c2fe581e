"""Fig. 11: duration of signing, upload to S3 and classification."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from lab.bench.speed.photos import photo
from lab.bench.speed.process import share_conditions
from lab.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from lab.experiments.measurements import Measurement, Step, blocks, grouped, mean_of, record_of
from lab.experiments.prices import PAPER
from lab.experiments.target import RunningApi, Target, running_api
from warmlens.classify import client_errors
from warmlens.errors import WarmlensError
from warmlens.records import Record
from warmlens.runtime.best_isolation import best_isolation
from warmlens_client.refusals import check_stored

NAME = "flow"
MEGAPIXELS = 2
STAGES = ("sign", "upload", "init", "fetch", "decode", "inference", "function", "api")
"""In their order. `function` is what is left of the function's own time; `api` is what is left of
the call: API, dispatch, and on a cold call the start of the instance before its init."""

_RUNS = {Mode.QUICK: 5, Mode.FULL: 30}


def steps(mode: Mode, target: Target) -> list[Step]:
    """Return the steps."""
    conditions = {"megapixels": MEGAPIXELS}
    if target.is_local:
        conditions |= {"memory_mb": PAPER["memory_mb"], **share_conditions(best_isolation())}
    return [
        Step(experiment=NAME, name="ours", conditions={**conditions, "run": run})
        for run in range(_RUNS[mode])
    ]


@contextmanager
def flow_setup(target: Target, earlier: Earlier) -> Iterator[Measure]:
    """Yield a function that times the whole flow twice; in a local cloud the first is cold."""
    data = photo(MEGAPIXELS)
    with (
        running_api(target) as api,
        httpx.Client(timeout=60, trust_env=not target.is_local, headers=dict(api.headers)) as http,
    ):

        def measure(step: Step) -> Values:
            if api.aws is not None:
                api.renew(memory_mb=PAPER["memory_mb"], note=f"run {step.conditions['run']}")
            first = _once(http, api, data)
            second = _once(http, api, data)
            return {
                **{f"first.{name}": [value] for name, value in first.items()},
                **{f"second.{name}": [value] for name, value in second.items()},
            }

        yield measure


def upload(http: httpx.Client, api: RunningApi, data: bytes) -> tuple[str, float, float]:
    """Upload a photo as the page does.

    Returns:
        Its path for `classification`, and the milliseconds that signing and uploading took.

    Raises:
        WarmlensError: ``api_failed``: the API refused; and what S3 refused.
    """
    content_type = "image/jpeg"
    signed, sign_ms = _timed(
        http, f"{api.url}/uploads", json={"content_type": content_type, "bytes": len(data)}
    )
    begun_s = time.perf_counter()
    # Without the API's key: the form is for S3.
    stored = httpx.post(
        signed["url"],
        data=signed["fields"],
        files={"file": ("photo.jpg", data, content_type)},
        timeout=60,
        trust_env=api.aws is None,
    )
    upload_ms = (time.perf_counter() - begun_s) * 1000
    with client_errors():
        check_stored(stored)
    return str(signed["file_path"]), sign_ms, upload_ms


def _once(http: httpx.Client, api: RunningApi, data: bytes) -> dict[str, float]:
    file_path, sign_ms, upload_ms = upload(http, api, data)
    answer, call_ms = _timed(
        http,
        f"{api.url}/classification",
        json={"method": "classification", "file_path": file_path},
    )
    stages = {f"{name}_ms": float(ms) for name, ms in answer["stages_ms"].items()}
    function_ms = answer["time"] * 1000
    init_ms = float(answer["init_ms"]) if answer["cold_start"] else 0.0
    return {
        "sign_ms": sign_ms,
        "upload_ms": upload_ms,
        "init_ms": init_ms,
        **stages,
        "function_ms": function_ms - sum(stages.values()),
        "api_ms": call_ms - function_ms - init_ms,
        "total_ms": sign_ms + upload_ms + call_ms,
        "cold": float(answer["cold_start"]),
    }


def _timed(http: httpx.Client, url: str, *, json: dict[str, Any]) -> tuple[dict[str, Any], float]:
    begun_s = time.perf_counter()
    try:
        response = http.post(url, json=json)
    except httpx.HTTPError as error:
        raise WarmlensError("api_failed", f"{url} does not answer: {error}") from error
    taken_ms = (time.perf_counter() - begun_s) * 1000
    if not response.is_success:
        raise WarmlensError(
            "api_failed", f"{url} answered {response.status_code}: {response.text[:300]}"
        )
    answer: dict[str, Any] = response.json()
    return answer, taken_ms


def records(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return the duration of the flow and the means of its stages, for cold and warm calls."""
    for _, conditions, group in grouped(measurements, "run"):
        for call in ("first", "second"):
            for temperature, cold in (("cold", 1.0), ("warm", 0.0)):
                chosen = [each for each in group if each.values[f"{call}.cold"] == [cold]]
                if not chosen:
                    continue
                about = {**conditions, "call": call, "temperature": temperature}
                yield record_of(
                    chosen,
                    blocks(chosen, f"{call}.total_ms"),
                    metric="flow_ms",
                    unit="ms",
                    conditions=about,
                )
                yield mean_of(
                    chosen,
                    blocks(chosen, f"{call}.total_ms"),
                    metric="flow_mean_ms",
                    unit="ms",
                    conditions=about,
                )
                yield mean_of(
                    chosen,
                    [_calls_ms(each, call) for each in chosen],
                    metric="call_mean_ms",
                    unit="ms",
                    conditions=about,
                )
                for stage in STAGES:
                    values = blocks(chosen, f"{call}.{stage}_ms")
                    if values:
                        yield mean_of(
                            chosen,
                            values,
                            metric="flow_stage_mean_ms",
                            unit="ms",
                            conditions={**about, "stage": stage},
                        )


def _calls_ms(measurement: Measurement, call: str) -> list[float]:
    """Return the time of the classification alone, without signing and upload."""
    total_ms, sign_ms, upload_ms = (
        measurement.values[f"{call}.{part}_ms"][0] for part in ("total", "sign", "upload")
    )
    return [total_ms - sign_ms - upload_ms]


EXPERIMENT = Experiment(
    NAME, "Fig. 11: the whole flow, stage by stage", steps, flow_setup, records, anywhere=True
)
