"""Batches that Step Functions runs in AWS: their cost, start, progress, results and end."""

import datetime
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from warmlens.batch.cost import FunctionSize, function_size, usd_of_step_functions
from warmlens.batch.sources import BucketSource, is_readable_path
from warmlens.errors import WarmlensError
from warmlens.invoke import invoke
from warmlens.prices import read_prices

if TYPE_CHECKING:
    from warmlens.deployment import Deployment

POLL_S = 5.0
_TRIED = 5  # photos, until one has an answer
_ALIAS = "live"
_USERS = 1  # instances that a batch leaves at least
_MAX_EXAMPLES = 3
_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass
class Estimate:
    """The photos of a batch that is to run, their cost and the time that they take.

    Attributes:
        prefix: the prefix of the photos' keys.
        photos: number of objects below it.
        unreadable: number of these whose names the API does not read.
        examples: some of those names.
        photo_s: time of a photo in the function, measured on one of them.
        usd: cost in USD, by what is paid for.
        priced: region and date of the prices.
        unpriced: why the cost is not known; empty if it is.
        shortest_s: time that it takes at least.
    """

    prefix: str
    photos: int = 0
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)
    photo_s: float = 0.0
    usd: dict[str, float] = field(default_factory=dict)
    priced: str = ""
    unpriced: str = ""
    shortest_s: float = 0.0

    def price(self, size: FunctionSize, region: str) -> None:
        """Compute the cost; a region without a price has none, and is no reason not to start.

        Args:
            size: size of the classifier.
            region: region of the run.
        """
        try:
            prices = read_prices(region)
            self.usd = usd_of_step_functions(size, prices, photos=self.photos, photo_s=self.photo_s)
            self.priced = f"{prices.region}, {prices.date}"
        except WarmlensError as error:
            self.unpriced = error.message


@dataclass(frozen=True)
class Run:
    """The state of a run.

    Attributes:
        name: its name.
        status: `RUNNING`, or how it ended.
        total: number of photos; 0 until they are listed.
        done: number of photos that have a result.
        failed: number of photos without one, as their child workflow failed.
        results: address of the folder with its results, named after the Map Run as Step Functions
            does; None before its end.
        reason: why it failed.
    """

    name: str
    status: str
    total: int = 0
    done: int = 0
    failed: int = 0
    results: str | None = None
    reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.status in _ENDED


class Batches:
    """The batches of an environment.

    Args:
        deployment: the environment.
        client: client of Step Functions for its region.

    Raises:
        WarmlensError: `no_batch_stack`: its settings have `batch = False`.
    """

    def __init__(self, deployment: "Deployment", client: Any) -> None:
        machine = deployment.outputs.get("BatchMachine")
        if machine is None:
            raise WarmlensError(
                "no_batch_stack",
                f"{deployment.name} has no stack for batches: set batch = True in "
                "environments.py and deploy it, or run warmlens classify s3://... --out FILE from "
                "this machine.",
            )
        self._machine = machine
        self._deployment = deployment
        self._client = client
        self._images = deployment.output("ImagesBucket")

    def estimate(self, place: str) -> Estimate:
        """Count the photos below a prefix, classify one, and estimate the cost of all.

        Args:
            place: a prefix, or its address `s3://bucket/prefix` in the bucket of images.

        Raises:
            WarmlensError: the prefix is not of that bucket or has no photos, too few instances are
                left for users, or a price is missing.
        """
        prefix = self._prefix(place)
        found = Estimate(prefix)
        source = BucketSource(f"s3://{self._images}/{prefix}", self._deployment.s3)
        first: list[str] = []
        for key, _ in source.objects():
            found.photos += 1
            if is_readable_path(key):
                if len(first) < _TRIED:
                    first.append(key)
            else:
                found.unreadable += 1
                if len(found.examples) < _MAX_EXAMPLES:
                    found.examples.append(key)
        if not first:
            raise WarmlensError("no_photos", f"There is no readable photo in {source.name}.")
        concurrency = self._check_concurrency()
        found.photo_s = self._photo_s(first)
        found.shortest_s = found.photos * found.photo_s / concurrency
        lambda_ = self._deployment.lambda_
        size = function_size(lambda_, self._deployment.output("ClassifierFunction"))
        found.price(size, lambda_.meta.region_name)
        return found

    def start(self, prefix: str) -> str:
        """Start a run; return its name.

        Args:
            prefix: the prefix of the photos' keys.
        """
        now = datetime.datetime.now(datetime.UTC)
        name = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self._client.start_execution(
            stateMachineArn=self._machine, name=name, input=json.dumps({"prefix": prefix})
        )
        return name

    def stop(self, name: str) -> None:
        """End a run; calls that have begun come to their end.

        Raises:
            WarmlensError: `no_such_run`: there is none of this name.
        """
        self._describe(name)
        self._client.stop_execution(executionArn=self._arn(name), cause="warmlens batch stop")

    def state(self, name: str) -> Run:
        """Return the state of a run.

        Raises:
            WarmlensError: `no_such_run`: there is none of this name.
        """
        execution = self._describe(name)
        counts: dict[str, int] = {}
        listed = self._client.list_map_runs(executionArn=self._arn(name))["mapRuns"]
        results = None
        if listed:
            if execution["status"] in _ENDED:
                folder = listed[0]["mapRunArn"].rpartition(":")[2]
                results = f"s3://{self._deployment.output('BatchResultsBucket')}/results/{folder}/"
            described = self._client.describe_map_run(mapRunArn=listed[0]["mapRunArn"])
            counts = described["itemCounts"]
        lost = ("failed", "timedOut", "aborted")
        reasons = [execution[key] for key in ("error", "cause") if execution.get(key)]
        return Run(
            name,
            execution["status"],
            total=counts.get("total", 0),
            done=counts.get("succeeded", 0),
            failed=sum(counts.get(each, 0) for each in lost),
            results=results,
            reason=": ".join(reasons) or None,
        )

    def follow(self, name: str, on_state: Callable[[Run], None], *, poll_s: float = POLL_S) -> Run:
        """Wait for a run's end; return its last state.

        Args:
            name: the run.
            on_state: called with each state.
            poll_s: time between two looks, in seconds.
        """
        while True:
            run = self.state(name)
            on_state(run)
            if run.has_ended:
                return run
            time.sleep(poll_s)

    def _describe(self, name: str) -> dict[str, Any]:
        try:
            described: dict[str, Any] = self._client.describe_execution(
                executionArn=self._arn(name)
            )
        except self._client.exceptions.ExecutionDoesNotExist:
            raise WarmlensError(
                "no_such_run", f"{self._deployment.name} has no batch run {name}."
            ) from None
        return described

    def _arn(self, name: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"

    def _prefix(self, place: str) -> str:
        address = place if place.startswith("s3://") else f"s3://{self._images}/{place}"
        own = f"s3://{self._images}/"
        prefix = address.removeprefix(own)
        if prefix == address or not prefix.startswith(("uploads/", "test/")):
            raise WarmlensError(
                "other_bucket",
                f"{place} is not below {own}uploads/ or {own}test/, which the function reads. Run "
                "warmlens classify s3://... --out FILE for photos elsewhere.",
            )
        return prefix

    def _check_concurrency(self) -> int:
        """Return the batch's concurrency; raise an error if it leaves no instance to users."""
        concurrency = int(self._deployment.output("BatchConcurrency"))
        function = self._deployment.output("ClassifierFunction")
        client = self._deployment.lambda_
        limit = client.get_function_concurrency(FunctionName=function).get(
            "ReservedConcurrentExecutions"
        )
        if limit is None:
            account = client.get_account_settings()["AccountLimit"]
            limit = account["UnreservedConcurrentExecutions"]
        if concurrency > limit - _USERS:
            raise WarmlensError(
                "too_few_instances",
                f"batch_concurrency = {concurrency}, but Lambda runs at most {limit} instances at "
                "once here, and one must be left to users: lower the setting, or ask AWS for a "
                "higher quota.",
            )
        return concurrency

    def _photo_s(self, keys: list[str]) -> float:
        """Return the time of a photo on a warm instance, of the first that has an answer."""
        message = ""
        for key in keys:
            answer = self._classify(key)
            if "error" not in answer:
                return float(self._classify(key)["time"])  # the first one may be cold
            message = answer["error"]["message"]
        raise WarmlensError(
            "no_photos", f"None of the first {len(keys)} objects has an answer; the last: {message}"
        )

    def _classify(self, key: str) -> dict[str, Any]:
        event = json.dumps({"method": "classification", "file_path": key}).encode()
        function = self._deployment.output("ClassifierFunction")
        response = invoke(self._deployment.lambda_, function, event, version=_ALIAS)
        answer: dict[str, Any] = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            message = answer.get("errorMessage", "no message")
            raise WarmlensError("function_failed", f"The classifier failed: {message}")
        return answer
