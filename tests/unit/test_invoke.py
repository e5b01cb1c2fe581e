"""Calls of functions that have to be prepared first, which the emulator's never have."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError
from botocore.stub import Stubber

from warmlens.invoke import invoke

FUNCTION = "warmlens-dev-warmer"


@pytest.fixture
def client() -> Any:
    return boto3.Session().client(
        "lambda", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def lambda_(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Lambda's answers, in order; no time passes between two looks at a function."""
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda _: None)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answers(lambda_: Stubber) -> None:
    lambda_.add_response("invoke", {"StatusCode": 200, "Payload": io.BytesIO(b"{}")})


def rejects(lambda_: Stubber, code: str) -> None:
    lambda_.add_client_error("invoke", code, "The function is not ready.")


def has_state(lambda_: Stubber, *states: str) -> None:
    for state in states:
        lambda_.add_response("get_function_configuration", {"State": state})


@pytest.mark.parametrize(
    "code",
    ["ResourceConflictException", "ResourceNotReadyException", "CodeArtifactUserPendingException"],
)
def test_a_function_that_rested_for_weeks_is_waited_for_and_called_once_more(
    client: Any, lambda_: Stubber, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    rejects(lambda_, code)
    has_state(lambda_, "Inactive", "Pending", "Active")
    answers(lambda_)
    assert invoke(client, FUNCTION, b"{}")["StatusCode"] == 200
    shown = capsys.readouterr().err
    assert FUNCTION in shown
    assert "is being prepared" in shown


def test_a_second_rejection_is_reported_and_not_repeated(client: Any, lambda_: Stubber) -> None:
    rejects(lambda_, "ResourceConflictException")
    has_state(lambda_, "Active")
    rejects(lambda_, "ResourceConflictException")
    with pytest.raises(ClientError):
        invoke(client, FUNCTION, b"{}")


def test_a_function_that_cannot_be_prepared_is_not_called_again(
    client: Any, lambda_: Stubber
) -> None:
    rejects(lambda_, "ResourceConflictException")
    has_state(lambda_, "Pending", "Failed")
    with pytest.raises(WaiterError):
        invoke(client, FUNCTION, b"{}")


@pytest.mark.parametrize("code", ["ServiceException", "TooManyRequestsException"])
def test_a_call_that_may_have_run_or_must_not_be_repeated_is_made_once(
    client: Any, lambda_: Stubber, code: str
) -> None:
    rejects(lambda_, code)
    with pytest.raises(ClientError):
        invoke(client, FUNCTION, b"{}")
