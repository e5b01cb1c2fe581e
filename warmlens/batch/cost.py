"""The cost of a batch: of one that was run, and of one that Step Functions is to run."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warmlens.planner.bill import priced, total_usd
from warmlens.planner.photo import HTTP_API_UNIT_BYTES, uploads_lines
from warmlens.prices import PriceList

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

PHOTOS_IN_A_CHILD = 40  # stacks/batch.py
_PROCESSORS = {"x86_64": "x86", "arm64": "arm"}
_KEYS_IN_A_LIST = 1000
_LISTS = 2  # one by the command, one by the state machine
_CHILD_GB = 0.0625  # the smallest that is billed
_STEPS_S = 0.05  # assumed: Step Functions' own time for a photo


@dataclass(frozen=True)
class FunctionSize:
    """Memory and processor of a function, which set its price a second.

    Attributes:
        memory_mb: its memory.
        processor: `x86` or `arm`.
    """

    memory_mb: int
    processor: str

    def usd(self, calls: int, seconds: float, prices: PriceList) -> float:
        """Return the cost of calls.

        Args:
            calls: number of calls.
            seconds: time in the function, of all of them.
            prices: prices of the region.

        Raises:
            WarmlensError: a price is missing.
        """
        per_gb_s = prices[f"lambda_{self.processor}_per_gb_s"]
        return calls * prices["lambda_per_request"] + seconds * self.memory_mb / 1024 * per_gb_s


def function_size(client: "LambdaClient", function: str) -> FunctionSize:
    """Return a deployed function's size.

    Args:
        client: client for its region.
        function: its name.

    Raises:
        ClientError: AWS refused to describe it.
    """
    configuration = client.get_function_configuration(FunctionName=function)
    (architecture,) = configuration.get("Architectures", ["x86_64"])
    return FunctionSize(configuration["MemorySize"], _PROCESSORS[architecture])


@dataclass
class Sent:
    """Photos that a run sent to the API, by what is paid for them.

    Attributes:
        photos: number of photos.
        by_path: number of these that the API read from the environment's bucket by itself.
        uploaded: number of these that were uploaded first.
        http_units: calls that an HTTP API bills for them, one for each 512 KB of a request.
    """

    photos: int = 0
    by_path: int = 0
    uploaded: int = 0
    http_units: int = 0

    def add(self, size_bytes: int | None, *, upload: bool) -> None:
        """Count a photo.

        Args:
            size_bytes: its size; None if the API reads it from the environment's bucket.
            upload: whether it is uploaded first.
        """
        self.photos += 1
        if size_bytes is None:
            self.by_path += 1
            self.http_units += 1
        elif upload:
            self.uploaded += 1
            self.http_units += 2
        else:
            self.http_units += math.ceil(size_bytes / HTTP_API_UNIT_BYTES)


def usd_of_run(
    size: FunctionSize, prices: PriceList, sent: Sent, *, function_s: float, api: str
) -> float:
    """Return the cost of a batch that was run from this machine.

    Args:
        size: size of the classifier.
        prices: prices of the region.
        sent: photos that were sent.
        function_s: time in the function, of all of them.
        api: `rest` or `http`.

    Raises:
        WarmlensError: a price is missing.
    """
    calls = sent.http_units if api == "http" else sent.photos + sent.uploaded
    return (
        size.usd(sent.photos, function_s, prices)
        + calls * prices[f"{api}_api_per_request"]
        + total_usd(priced(prices, *line) for line in uploads_lines(sent.uploaded))
        + sent.uploaded * prices["s3_per_put"]
        + (sent.uploaded + sent.by_path) * prices["s3_per_get"]
    )


def usd_of_step_functions(
    size: FunctionSize, prices: PriceList, *, photos: int, photo_s: float
) -> dict[str, float]:
    """Return the cost of a batch that Step Functions runs, by what is paid for.

    Args:
        size: size of the classifier.
        prices: prices of the region.
        photos: number of photos.
        photo_s: time of a photo in the function, on a warm instance.

    Raises:
        WarmlensError: a price is missing.
    """
    children = math.ceil(photos / PHOTOS_IN_A_CHILD)
    child_s = math.ceil(PHOTOS_IN_A_CHILD * (photo_s + _STEPS_S) * 10) / 10
    prices.require(["step_functions_express_per_request", "step_functions_express_per_gb_s"])
    child_usd = (
        prices["step_functions_per_transition"]
        + prices["step_functions_express_per_request"]
        + child_s * _CHILD_GB * prices["step_functions_express_per_gb_s"]
    )
    lists = _LISTS * math.ceil(photos / _KEYS_IN_A_LIST)
    return {
        "function": size.usd(photos, photos * photo_s, prices),
        "step_functions": children * child_usd,
        "s3": photos * prices["s3_per_get"] + lists * prices["s3_per_put"],
    }
