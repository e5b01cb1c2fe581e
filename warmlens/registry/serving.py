"""Switching and rollback of the served model version, without a deploy.

Serving another model version publishes a new version of the function, which differs in two
environment variables, tries it, and then moves the alias that users call to it. A rollback moves
the alias to the version before. No image is built, no stack is changed, and a model that does not
load never gets a user's call.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from warmlens.errors import WarmlensError
from warmlens.invoke import invoke
from warmlens.registry.store import Store

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client

ALIAS = "live"
# A deploy removes it, and so differs from every version that was served by this command, even with
# the same model: docs/decisions/0085-a-trace-of-serve.md.
_TRACE = {"SERVED_BY": "warmlens model serve"}
_OF_THE_MODEL = ("MODEL_NAME", "MODEL_VERSION", *_TRACE)
_DEPLOYED = (
    *("CodeSha256", "MemorySize", "Timeout", "Architectures", "EphemeralStorage", "Layers"),
    "SnapStart",
)
_WAKEUP = json.dumps({"method": "wakeup", "sleep_time": 0}).encode()


@dataclass(frozen=True)
class Served:
    """A model version, and the version of the function that serves it."""

    name: str
    version: str
    function_version: str


@dataclass(frozen=True)
class Change:
    """The model versions that were served before and are served now."""

    before: Served
    after: Served


class Serving:
    """The model version that the classifier of an environment serves.

    Every method raises WarmlensError: `function_refused` when Lambda refuses a call, besides what
    it names itself.

    Args:
        lambda_client: client for the function's region.
        function: name of the classifier.
        store: the environment's models; None where they are in the container image.
        servable: names of the models that the settings let it serve; `("*",)` for all.
    """

    def __init__(
        self,
        lambda_client: "LambdaClient",
        function: str,
        store: Store | None,
        servable: Sequence[str] = ("*",),
    ) -> None:
        self._lambda = lambda_client
        self._function = function
        self._store = store
        self._servable = servable

    @classmethod
    def of(
        cls,
        outputs: Mapping[str, str],
        lambda_client: "LambdaClient",
        s3_client: "S3Client",
        environment: str,
    ) -> Self:
        """Return the serving of a deployed environment.

        Args:
            outputs: outputs of its stacks by name.
            lambda_client: client for its function.
            s3_client: client for its buckets.
            environment: its name, for messages.
        """
        bucket = outputs.get("ModelsBucket")
        return cls(
            lambda_client,
            outputs["ClassifierFunction"],
            Store(s3_client, bucket, environment) if bucket else None,
            outputs.get("ServableModels", "*").split(),
        )

    def current(self) -> Served:
        """Return the model version that the alias serves."""
        with function_errors(self._function):
            return self._served(self._alias_version())

    def serve(self, name: str, version: str) -> Change:
        """Serve a published model version; the alias moves after an instance has loaded it.

        Raises:
            WarmlensError: what :meth:`Store.manifest` raises, the first finding of
                :meth:`Store.verify`, or `model_unavailable` when the settings do not allow it or an
                instance could not load it.
        """
        self._check_servable(name, version)
        if self._store is not None:
            for finding in self._store.verify(self._store.manifest(name, version)):
                raise WarmlensError(finding.code, finding.message)
        with function_errors(self._function):
            before = self._served(self._alias_version())
            if (before.name, before.version) == (name, version):
                return Change(before, before)
            unchanged = self._lambda.get_function_configuration(FunctionName=self._function)
            variables = unchanged["Environment"]["Variables"]
            self._configure({**variables, "MODEL_NAME": name, "MODEL_VERSION": version, **_TRACE})
            try:
                after = self._publish_tried_version(name, version)
            except BaseException:
                self._configure(variables)
                raise
            self._move_alias(after)
        return Change(before, after)

    def rollback(self) -> Change:
        """Roll back to the previous model version.

        The alias moves to the newest older version of the function with another model, whose
        instances may still be warm. Where the function's code or settings were deployed since, a
        new version is published instead, so that only the model is rolled back.

        Raises:
            WarmlensError: `nothing_to_roll_back_to`, or what :meth:`serve` raises.
        """
        with function_errors(self._function):
            now = self._alias_version()
            before = self._served(now)
            for number in reversed([each for each in self._versions() if each < int(now)]):
                after = self._served(str(number))
                if (after.name, after.version) == (before.name, before.version):
                    continue
                if self._without_model(str(number)) != self._without_model(now):
                    return self.serve(after.name, after.version)
                self._try_out(after)
                self._move_alias(after)
                return Change(before, after)
        raise WarmlensError(
            "nothing_to_roll_back_to",
            f"{self._function} has served no other model before {before.name} {before.version}.",
        )

    def _check_servable(self, name: str, version: str) -> None:
        if "*" in self._servable or name in self._servable:
            return
        raise WarmlensError(
            "model_unavailable",
            f"{name} {version} is not served: without a deploy, {self._function} may serve "
            f"{', '.join(self._servable)}. Add {name} to other_models in environments.py and "
            "deploy.",
        )

    def _alias_version(self) -> str:
        alias = self._lambda.get_alias(FunctionName=self._function, Name=ALIAS)
        if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
            raise WarmlensError(
                "deployment_in_progress",
                f"The alias {ALIAS} of {self._function} sends calls to two versions: a deployment "
                "is in progress; wait until it ends.",
            )
        return alias["FunctionVersion"]

    def _served(self, function_version: str) -> Served:
        variables = self._configuration(function_version)["Environment"]["Variables"]
        return Served(variables["MODEL_NAME"], variables["MODEL_VERSION"], function_version)

    def _without_model(self, function_version: str) -> dict[str, Any]:
        configuration = self._configuration(function_version)
        variables = configuration["Environment"]["Variables"]
        rest = {key: value for key, value in variables.items() if key not in _OF_THE_MODEL}
        return {"Variables": rest, **{key: configuration.get(key) for key in _DEPLOYED}}

    def _configuration(self, function_version: str) -> dict[str, Any]:
        return dict(
            self._lambda.get_function_configuration(
                FunctionName=self._function, Qualifier=function_version
            )
        )

    def _versions(self) -> list[int]:
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._function
        )
        versions = [version["Version"] for page in pages for version in page["Versions"]]
        return sorted(int(version) for version in versions if version != "$LATEST")

    def _configure(self, variables: dict[str, str]) -> None:
        self._lambda.update_function_configuration(
            FunctionName=self._function, Environment={"Variables": variables}
        )
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=self._function)

    def _publish_tried_version(self, name: str, version: str) -> Served:
        number = self._lambda.publish_version(
            FunctionName=self._function, Description=f"{name} {version}"
        )["Version"]
        served = Served(name, version, number)
        try:
            self._wait_until_active(served)
            self._try_out(served)
        except BaseException:
            # A rollback must not find a version that was never served.
            self._lambda.delete_function(FunctionName=self._function, Qualifier=number)
            raise
        return served

    def _wait_until_active(self, served: Served) -> None:
        """Wait until Lambda has prepared the container image and, with SnapStart, the snapshot.

        It refuses calls before. A snapshot takes minutes, and fails where the model does not load.
        """
        try:
            self._lambda.get_waiter("published_version_active").wait(
                FunctionName=self._function, Qualifier=served.function_version
            )
        except WaiterError as error:
            if error.last_response.get("State") != "Failed":
                raise
            reason = error.last_response.get("StateReason", "no reason given")
            raise _does_not_load(served, str(reason)) from error

    def _try_out(self, served: Served) -> None:
        """Call an instance, which must load the model to answer."""
        result = invoke(self._lambda, self._function, _WAKEUP, version=served.function_version)
        answer = json.loads(result["Payload"].read())
        if answer.get("method") == "wakeup":
            return
        reason = answer.get("error", {}).get("message") or answer.get("errorMessage", "no answer")
        raise _does_not_load(served, reason)

    def _move_alias(self, served: Served) -> None:
        self._lambda.update_alias(
            FunctionName=self._function, Name=ALIAS, FunctionVersion=served.function_version
        )


def is_served_by_command(configuration: Mapping[str, Any]) -> bool:
    """Return True for the configuration of a version that this command made, not a deploy."""
    variables: Mapping[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return _TRACE.items() <= variables.items()


def _does_not_load(served: Served, reason: str) -> WarmlensError:
    return WarmlensError(
        "model_unavailable",
        f"{served.name} {served.version} does not load and is not served: {reason.rstrip('.')}. "
        "The model served before is still served; publish this version again, or serve another "
        "one.",
    )


@contextmanager
def function_errors(function: str) -> Iterator[None]:
    """Turn exceptions of the AWS library into WarmlensError."""
    try:
        yield
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        raise WarmlensError(
            "function_refused", f"{function} refused {error.operation_name}: {message}"
        ) from error
    except BotoCoreError as error:
        raise WarmlensError("function_refused", f"{function}: {error}") from error
