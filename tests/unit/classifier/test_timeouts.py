"""Timeouts of calls that wait for S3."""

import socket
import threading
import time

import pytest

from lambda_src.classifier import model_store
from lambda_src.classifier.bucket import REQUEST_TIMEOUT_S, RETRY_FOR_S
from lambda_src.classifier.errors import ModelError
from lambda_src.classifier.model_store import LOAD_TIMEOUT_S
from stacks.settings import Settings
from stacks.settings_table import settings_table
from warmlens.local.aws import Keys, LocalAws
from warmlens.local.loopback import HOST

# Lambda developer guide, "Lambda execution environment lifecycle"; API Gateway developer guide,
# "Amazon API Gateway quotas".
INIT_LIMIT_S = 10
API_LIMIT_S = 29
# An engine's start and the loading of a graph, in the processor time that 512 MB bring.
ENGINE_S = 3
PHOTO_S = REQUEST_TIMEOUT_S + RETRY_FOR_S  # what begins last of its tries takes this long at most


def test_an_init_is_over_in_time_however_slowly_its_model_comes() -> None:
    assert LOAD_TIMEOUT_S + ENGINE_S < INIT_LIMIT_S


def test_a_cold_call_is_answered_before_the_api_gives_up_however_slow_s3_is() -> None:
    """Its init, its own attempt to load the model, and its photo."""
    assert INIT_LIMIT_S + LOAD_TIMEOUT_S + PHOTO_S < API_LIMIT_S


def test_a_call_is_answered_before_the_function_is_ended_however_slow_s3_is() -> None:
    defaults = Settings(env_name="test")
    slowest_s = LOAD_TIMEOUT_S + PHOTO_S
    assert defaults.timeout_s > slowest_s + defaults.max_decode_ms / 1000
    assert f"Below {slowest_s:g} s" in settings_table()


def test_a_file_that_does_not_come_is_given_up_before_its_request_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_store, "LOAD_TIMEOUT_S", 0.2)
    others = threading.active_count()
    with socket.create_server((HOST, 0)) as silent:
        endpoint_url = f"http://{HOST}:{silent.getsockname()[1]}"
        for name, value in LocalAws(endpoint_url, Keys.random()).environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ModelError, match=r"was not received within the 0.2 s"):
            model_store.BucketStore("models").read("any/1.0.0/manifest.json", max_bytes=100)
        assert threading.active_count() > others  # it still waits for S3
    while threading.active_count() > others:
        time.sleep(0.01)
