"""`warmlens warm`: run the warmer of an environment by hand, and print what it reached."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from warmlens.errors import WarmlensError

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

MAX_INSTANCES = 100
FIELDS = ("requested", "distinct", "coverage", "cold", "rounds", "held_s")


@dataclass(frozen=True)
class WarmReport:
    """What a run of the warmer reached.

    Attributes:
        figures: `requested`, `distinct`, `coverage`, `cold`, `rounds` and `held_s`.
        limited_by: the concurrency limit that made the number impossible, or None.
        throttled: calls that were refused with 429.
        errors: why other calls failed.
    """

    figures: dict[str, Any]
    limited_by: str | None
    throttled: int
    errors: tuple[str, ...]


def warm(
    outputs: Mapping[str, str], client: "LambdaClient", env_name: str, instances: int
) -> WarmReport:
    """Wake instances of the environment's classifier, at once.

    Args:
        outputs: values of the environment's stacks by name.
        client: reaches its functions.
        env_name: its name.
        instances: how many, 1 to 100.

    Raises:
        WarmlensError: the environment has no warmer, it cannot be called, or it woke nobody.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    warmer = outputs.get("WarmerFunction")
    if warmer is None:
        raise WarmlensError(
            "no_warmer",
            f"The environment {env_name} has no warmer: its setting warming is off.",
        )
    try:
        response = client.invoke(
            FunctionName=warmer, Payload=json.dumps({"instances": instances}).encode()
        )
        answer = json.loads(response["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise WarmlensError("unreachable", f"The warmer could not be called: {error}") from error
    if "FunctionError" in response:
        reason = answer.get("errorMessage", "it gave no reason")
        raise WarmlensError("warming_failed", f"The warmer failed: {reason}")
    return WarmReport(
        {name: answer[name] for name in FIELDS},
        answer["limited_by"],
        answer["throttled"],
        tuple(answer["errors"]),
    )
