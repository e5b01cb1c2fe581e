"""How long S3 may keep a call waiting: never longer than those who wait for the call."""

from lambda_src.classifier.bucket import REQUEST_TIMEOUT_S, RETRY_FOR_S
from lambda_src.classifier.model_store import LOAD_TIMEOUT_S
from stacks.settings import Settings

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
    assert f"Below {slowest_s:g} s" in (Settings.__doc__ or "")
