"""Parts of a batch: the results file that is cut off anywhere, the pace, and sources."""

import json
import random
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.request import Classification, read_request
from warmlens.batch.commands import _print_estimate
from warmlens.batch.cost import (
    PHOTOS_IN_A_CHILD,
    FunctionSize,
    Sent,
    usd_of_run,
    usd_of_step_functions,
)
from warmlens.batch.many import cost_usd
from warmlens.batch.pace import PATIENCE_S, Pace
from warmlens.batch.results import open_results
from warmlens.batch.run import Batch, Outcome
from warmlens.batch.sources import BucketSource, Photo, is_readable_path
from warmlens.batch.step_functions import Estimate
from warmlens.deployment import Deployment
from warmlens.errors import WarmlensError
from warmlens.planner.bill import Part, of_parts, total_usd
from warmlens.planner.photo import Api, PhotoBy, Usage, Way, photo_items
from warmlens.prices import read_prices

NAMES = ["a.jpg", "b/c.jpg", "é\n.jpg", "not\udcffutf8.jpg", "\u2028.jpg", "d.jpg"]
ANSWER = {"model": "test", "version": "1", "TOP1_label": "cup"}


def results_of(path: Path) -> dict[str, dict[str, Any]]:
    documents = [json.loads(line) for line in path.read_bytes().splitlines()]
    by_photo = {each["photo"]: each for each in documents}
    assert len(by_photo) == len(documents)
    return by_photo


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_file_that_is_cut_off_anywhere_goes_on_with_one_line_for_each_photo(
    data: st.DataObject,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        refused = data.draw(st.sets(st.sampled_from(NAMES)))
        with open_results(path, "here") as results:
            for name in NAMES:
                if name in refused:
                    results.add_error(name, "image_not_decodable", "No.")
                else:
                    results.add_answer(name, ANSWER)
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        kept = path.read_bytes().count(b"\n")
        with open_results(path, "here") as results:
            answered = {name for name in NAMES if results.has(name)}
            assert answered == set(NAMES[:kept]) - refused
            assert results.before == results.classes["cup"] == len(answered)
            for name in NAMES:
                if name not in answered:
                    results.add_answer(name, ANSWER)
        assert set(results_of(path)) == set(NAMES)
        assert all(each["answer"] == ANSWER for each in results_of(path).values())
        assert [each.name for each in Path(folder).iterdir()] == ["results.jsonl"]


class Time:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def test_the_pace_settles_near_what_the_api_allows() -> None:
    """A bucket of tokens as API Gateway's: 10 a second, 20 at once."""
    random.seed(1)
    time = Time()
    pace = Pace(clock=lambda: time.now_s, sleep=time.sleep)
    tokens, at_s, answered, throttled = 20.0, 0.0, 0, 0
    while answered < 3000:
        await pace.turn()
        time.now_s += 0.001
        tokens, at_s = min(20.0, tokens + (time.now_s - at_s) * 10), time.now_s
        if tokens >= 1:
            tokens, answered = tokens - 1, answered + 1
            pace.answered()
        else:
            throttled += 1
            pace.throttled()
    assert answered / time.now_s > 5
    assert throttled / answered < 0.1


async def test_a_time_that_the_api_asks_for_is_waited() -> None:
    time = Time()
    pace = Pace(clock=lambda: time.now_s, sleep=time.sleep)
    await pace.turn()
    pace.throttled(7.0)
    await pace.turn()
    assert 7.0 <= time.now_s <= 7.0 * 1.25


async def test_a_batch_does_not_wait_for_ever_for_an_api_that_refuses_all() -> None:
    time = Time()
    pace = Pace(clock=lambda: time.now_s, sleep=time.sleep)

    async def refuse() -> None:
        while True:
            await pace.turn()
            pace.throttled()

    with pytest.raises(WarmlensError) as stopped:
        await refuse()
    assert stopped.value.code == "throttled"
    assert PATIENCE_S < time.now_s < PATIENCE_S + 60


class Bucket:
    """A bucket with more objects than there is memory for."""

    def __init__(self) -> None:
        self.pages = 0

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        while True:
            self.pages += 1
            names = (f"{self.pages}-{number}.jpg" for number in range(1000))
            yield {"Contents": [{"Key": name, "Size": 1} for name in names]}


def test_a_bucket_is_listed_as_its_photos_are_taken() -> None:
    bucket = Bucket()
    client: Any = bucket
    photos = BucketSource("s3://bucket/prefix", client).photos()
    assert len(list(islice(photos, 1500))) == 1500
    assert bucket.pages == 2


@pytest.mark.parametrize("address", ["s3:/bucket/x", "s3://", "s3:///x"])
def test_an_address_without_a_bucket_is_refused(address: str) -> None:
    client: Any = Bucket()
    with pytest.raises(WarmlensError) as refused:
        BucketSource(address, client)
    assert refused.value.code == "invalid_address"


@pytest.mark.parametrize(
    ("key", "readable"),
    [
        ("uploads/a.jpg", True),
        ("test/20200118.jpg", True),
        ("uploads/a b.jpg", False),
        ("uploads/../a.jpg", False),
        ("uploads//a.jpg", False),
        ("uploads/é.jpg", False),
        ("photos/a.jpg", False),
        ("uploads/" + "a" * 1017, False),
    ],
)
def test_the_api_is_given_the_paths_that_it_reads(key: str, readable: bool) -> None:
    assert is_readable_path(key) == readable
    request = {"method": "classification", "file_path": key}
    options: Any = {"image_prefixes": ("uploads/", "test/"), "max_hold_ms": 0, "now_ms": 0}
    if readable:
        assert read_request(request, None, **options) == Classification(key)
    else:
        with pytest.raises(RequestError):
            read_request(request, None, **options)


def test_a_run_costs_its_calls_its_time_and_what_is_read_from_s3() -> None:
    size, prices = FunctionSize(1024, "x86"), read_prices()
    sent = Sent()
    for number in range(10):
        sent.add(None if number < 4 else 300_000, upload=False)
    cost = usd_of_run(size, prices, sent, function_s=2.0, api="rest")
    assert cost == pytest.approx(10 * 2e-7 + 2 * 0.0000166667 + 10 * 3.5e-6 + 4 * 4e-7)
    http = usd_of_run(size, prices, sent, function_s=2.0, api="http")
    assert cost - http == pytest.approx(10 * 2.5e-6)


@pytest.mark.parametrize(
    ("size_bytes", "upload", "rest", "http"),
    [
        (524_288, False, 3.5e-6, 1e-6),
        (3_000_000, False, 3.5e-6, 6e-6),  # an HTTP API bills each 512 KB that were begun
        (3_000_000, True, 7e-6, 2e-6),
        (4_400_001, False, 7e-6, 2e-6),  # too large for a call
    ],
)
async def test_a_large_or_uploaded_photo_costs_all_its_calls(
    tmp_path: Path, size_bytes: int, upload: bool, rest: float, http: float
) -> None:
    class One:
        name = "here"

        def photos(self) -> Iterator[Photo]:
            yield Photo("a.jpg", lambda: bytes(size_bytes))
            yield Photo("b.jpg", unreadable)  # is not sent

        def count(self) -> int:
            return 2

    def unreadable() -> bytes:
        raise WarmlensError("unreadable_file", "b.jpg: No.")

    async def call(*_: object) -> dict[str, Any]:
        return {**ANSWER, "time": 0.0}

    with open_results(tmp_path / "results.jsonl", "here") as results:
        outcome = await Batch(One(), results, call, concurrency=1, upload=upload).run()
    size, prices = FunctionSize(1024, "x86"), read_prices()
    is_uploaded = outcome.sent.uploaded == 1
    # A PUT, a GET, a call of the uploads function and its 20 ms at 256 MB.
    upload_usd = (5e-6 + 4e-7 + 2e-7 + 0.02 / 4 * 0.0000133334) * is_uploaded
    for api, api_usd in (("rest", rest), ("http", http)):
        cost = usd_of_run(size, prices, outcome.sent, function_s=0.0, api=api)
        assert cost == pytest.approx(2e-7 + api_usd + upload_usd)
    assert is_uploaded == (rest == 7e-6)


@pytest.mark.parametrize("api", ["rest", "http"])
@pytest.mark.parametrize("photo", ["call", "upload"])
def test_a_run_costs_what_the_bill_of_a_photo_says_of_the_same_parts(api: str, photo: str) -> None:
    way = Way(api=Api(api), photo=PhotoBy(photo), photo_bytes=600_000, page=False, waf=False)
    items = photo_items(Usage(photos=1_000, gb_s=50.0), way, read_prices())
    counted = of_parts(items, [Part.API, Part.FUNCTION, Part.S3])
    sent = Sent()
    for _ in range(1_000):
        sent.add(600_000, upload=photo == "upload")
    cost = usd_of_run(FunctionSize(1024, "x86"), read_prices(), sent, function_s=50.0, api=api)
    assert cost == pytest.approx(
        total_usd(item for item in counted if item.name != "photos kept")  # longer than a run
    )


def test_step_functions_cost_by_the_child_and_the_photo() -> None:
    size, prices = FunctionSize(1024, "x86"), read_prices()
    photos = PHOTOS_IN_A_CHILD * 100
    cost = usd_of_step_functions(size, prices, photos=photos, photo_s=0.05)
    assert cost["function"] == pytest.approx(photos * (2e-7 + 0.05 * 0.0000166667))
    # Each child: a transition, a request, and 4 s of 64 MB.
    assert cost["step_functions"] == pytest.approx(100 * (25e-6 + 1e-6 + 4 / 16 * 0.00001667))
    assert cost["s3"] == pytest.approx(photos * 4e-7 + 8 * 5e-6)
    with pytest.raises(WarmlensError, match="step_functions_express_per_request"):
        usd_of_step_functions(size, read_prices("eu-west-1"), photos=1, photo_s=0.05)


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("ap-northeast-2", "cost: about $"),
        ("eu-west-1", "cost: not known: no price step_functions_express_per_gb_s, step_func"),
        ("ap-south-1", "cost: not known: no prices for the region ap-south-1"),
    ],
)
def test_a_batch_is_estimated_where_a_price_is_missing(
    capsys: pytest.CaptureFixture[str], region: str, words: str
) -> None:
    estimate = Estimate("photos/", photos=1_000, photo_s=0.05, shortest_s=60.0)
    estimate.price(FunctionSize(1024, "x86"), region)
    _print_estimate(estimate)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(words)
    assert lines[2] == "time: at least 1.0 minutes"


class Lambda:
    """A client of Lambda in a region, for a function of 1 GB."""

    def __init__(self, region: str) -> None:
        self.meta = SimpleNamespace(region_name=region)

    def get_function_configuration(self, **_: str) -> dict[str, Any]:
        return {"MemorySize": 1024, "Architectures": ["arm64"]}


@pytest.mark.parametrize(
    ("region", "api", "usd"),
    [
        ("us-east-1", "rest", 10 * (2e-7 + 3.5e-6) + 0.0000133334),
        ("us-east-1", "http", 10 * (2e-7 + 1e-6) + 0.0000133334),
        ("ap-south-2", "rest", None),
    ],
)
def test_a_run_is_priced_by_its_environment(region: str, api: str, usd: float | None) -> None:
    client: Any = Lambda(region)
    outputs = {"ClassifierFunction": "warmlens-dev-classifier", "ApiKind": api}
    deployment = Deployment(
        "dev", outputs, s3=client, lambda_=client, local_url=None, api_auth=lambda: None
    )
    outcome = Outcome(classified=10, sent=Sent(photos=10, http_units=10), function_s=1.0)
    assert cost_usd(outcome, deployment) == (None if usd is None else pytest.approx(usd))
    assert cost_usd(outcome, None) is None
