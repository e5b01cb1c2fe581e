"""The local page's view of the instances, its bursts and its warming rounds."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.busy_instances import fleet, states
from tests.conftest import Cloud
from warmlens.local.fleet_view import BURST_PATH, FRESH_PATH, WARM_PATH, method_of


def test_a_burst_tells_what_became_of_its_calls_and_the_fleet_who_got_them(cloud: Cloud) -> None:
    answer = cloud.post(BURST_PATH[1:], {"calls": 3}).json()
    assert answer["calls"] == answer["answered"] == 3
    assert answer["throttled"] == answer["failed"] == 0
    assert answer["slowest_ms"] > 0
    seen = fleet(cloud)
    last = seen["calls"][:3]
    assert [call["method"] for call in last] == ["classification"] * 3
    assert [call["outcome"] for call in last] == ["answered"] * 3
    assert sum(call["cold_start"] for call in last) == answer["cold"]
    assert last[0]["number"] == last[2]["number"] + 2
    known = {instance["id"] for instance in seen["instances"]}
    assert {call["instance_id"] for call in last} <= known


def test_a_call_with_a_photo_that_is_none_is_rejected_and_not_answered(cloud: Cloud) -> None:
    headers = {"Content-Type": "image/jpeg"}
    assert cloud.post("classification", content=b"no photo", headers=headers).status_code == 415
    assert fleet(cloud)["calls"][0]["outcome"] == "rejected"
    missing = {"method": "classification", "file_path": "test/none.jpg"}
    assert cloud.post("classification", missing).status_code == 404
    assert fleet(cloud)["calls"][0]["outcome"] == "rejected"


def test_the_next_call_starts_an_instance_although_one_is_idle_when_that_is_asked_for(
    cloud: Cloud,
) -> None:
    wakeup = {"method": "wakeup"}
    cloud.post("wakeup", wakeup)
    assert cloud.post(FRESH_PATH[1:], {}).json() == {}
    assert [cloud.post("wakeup", wakeup).json()["cold_start"] for _ in range(2)] == [True, False]


def test_an_instance_that_a_wakeup_holds_is_held_and_not_busy(cloud: Cloud) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(cloud.post, "wakeup", {"method": "wakeup", "sleep_time": "5000"})
        seen: set[str] = set()
        while "held" not in seen:
            assert not call.done()
            seen |= set(states(cloud))
    assert call.result().status_code == 200
    assert "busy" not in seen
    assert set(states(cloud)) == {"idle"}


def test_the_wakeup_of_an_upload_is_a_call_like_any_other(cloud: Cloud) -> None:
    before = fleet(cloud)["calls"][0]["number"]
    cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 4})
    while (last := fleet(cloud)["calls"][0])["number"] == before:
        time.sleep(0.05)
    assert (last["method"], last["outcome"]) == ("wakeup", "answered")


def test_a_round_answers_the_warmers_figures(cloud: Cloud) -> None:
    answer = cloud.post(WARM_PATH[1:], {"instances": 2}).json()
    assert answer["reasons"] == []
    assert (answer["requested"], answer["distinct"], answer["coverage"]) == (2, 2, 1.0)


@pytest.mark.parametrize("path", [BURST_PATH, WARM_PATH])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"calls": 0, "instances": 0}',
        b'{"calls": 101, "instances": 101}',
        b'{"calls": true, "instances": true}',
        b'{"calls": "3", "instances": "3"}',
    ],
)
def test_a_wrong_number_is_refused_with_what_is_allowed(
    cloud: Cloud, path: str, body: bytes
) -> None:
    before = fleet(cloud)["calls"][:1]
    answer = cloud.post(path[1:], content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_number"
    assert "from 1 to 100" in answer.json()["error"]["message"]
    assert fleet(cloud)["calls"][:1] == before


def test_a_form_of_another_page_is_refused(cloud: Cloud) -> None:
    for path in (BURST_PATH, FRESH_PATH):
        answer = cloud.post(path[1:], data={"calls": "3"})
        assert answer.status_code == 415
        assert answer.json()["error"]["code"] == "unsupported_type"


@pytest.mark.parametrize(
    ("payload", "method"),
    [
        (b'{"method": "wakeup", "hold_until": 1}', "wakeup"),
        (b'{"requestContext": {}, "path": "/classification", "body": "/9j/"}', "classification"),
        (b'{"requestContext": {}, "rawPath": "/v1/wakeup/", "body": null}', "wakeup"),
        (b'{"requestContext": {}, "path": 1}', ""),
        (b'{"requestContext": {}, "body": null}', ""),
        (b'{"method": ["wakeup"]}', ""),
        (b'{"method": "other"}', ""),
        (b'"text"', ""),
        (b"no json", ""),
    ],
)
def test_the_method_of_a_call_is_read_from_its_event(payload: bytes, method: str) -> None:
    assert method_of(payload) == method
