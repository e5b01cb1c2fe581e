"""Manual runs of an environment's warmer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from warmlens.errors import WarmlensError

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

MAX_INSTANCES = 100
FIELDS = ("requested", "distinct", "coverage", "cold", "rounds", "held_s", "hold_ms")


@dataclass(frozen=True)
class WarmReport:
    """The result of a run of the warmer.

    Attributes:
        figures: `requested`, `distinct`, `coverage`, `cold`, `rounds`, `held_s` and `hold_ms`.
        chosen_because: reason for the requested number.
        limited_by: the concurrency limit that prevents more instances, or None.
        throttled: number of calls answered with 429.
        errors: reasons why other calls failed.
    """

    figures: dict[str, Any]
    chosen_because: str
    limited_by: str | None
    throttled: int
    errors: tuple[str, ...]


def warm(
    outputs: Mapping[str, str], client: "LambdaClient", env_name: str, instances: int | None
) -> WarmReport:
    """Wake several instances of an environment's classifier at the same time.

    Args:
        outputs: outputs of the environment's stacks by name.
        client: a client for its functions.
        env_name: name of the environment.
        instances: number of instances, 1 to 100; None takes that of a scheduled run now.

    Raises:
        WarmlensError: the environment has no warmer, or it cannot be called or fails.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from warmlens.invoke import invoke

    warmer = outputs.get("WarmerFunction")
    if warmer is None:
        raise WarmlensError(
            "no_warmer",
            f"{env_name} has no warmer: set its warming = 'ping' and deploy it.",
        )
    event = {} if instances is None else {"instances": instances}
    try:
        response = invoke(client, warmer, json.dumps(event).encode())
        answer = json.loads(response["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise WarmlensError("unreachable", f"The warmer could not be called: {error}") from error
    except ValueError:
        answer = None
    if "FunctionError" in response:
        reason = answer.get("errorMessage") if isinstance(answer, dict) else None
        raise WarmlensError("warming_failed", f"The warmer failed: {reason or 'no reason given'}")
    try:
        return WarmReport(
            {name: answer[name] for name in FIELDS},
            answer["chosen_because"],
            answer["limited_by"],
            answer["throttled"],
            tuple(answer["errors"]),
        )
    except (KeyError, TypeError):
        raise WarmlensError(
            "unexpected_answer",
            "The warmer is of another version than this command: deploy it again.",
        ) from None
