"""`warmlens classify` of many photos."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from warmlens.batch.cost import function_size, usd_of_run
from warmlens.batch.results import PARTIAL_SUFFIX, ResultsFile, open_results
from warmlens.batch.run import Batch, Outcome
from warmlens.batch.sources import BucketSource, FolderSource, Source
from warmlens.batch.summary import summary
from warmlens.classify import client_errors, served_model
from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.prices import read_prices
from warmlens.progress import progress_bar
from warmlens_client import AsyncClient

if TYPE_CHECKING:
    from warmlens.deployment import Deployment


def is_address(text: str) -> bool:
    """Return whether a text is the address of a bucket, not a path."""
    return text.startswith("s3://")


def classify_many(
    place: str,
    results_path: Path,
    *,
    url: str,
    auth: httpx.Auth | None,
    deployment: "Deployment | None",
    concurrency: int,
    upload: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """Classify the photos of a folder or of a bucket's prefix that have no answer yet.

    Args:
        place: a folder, a file, or an address such as `s3://bucket/prefix`.
        results_path: the results file.
        url: root of the API.
        auth: authentication of the API.
        deployment: the environment that it belongs to; None for an API that is only known by URL.
        concurrency: most calls at once.
        upload: True to upload photos first, as larger ones are.

    Returns:
        The figures of the run, and names of files that are no photos.

    Raises:
        WarmlensError: the batch could not begin, or stopped.
    """
    source = _source(place, results_path, deployment)
    with open_results(results_path, source.name) as results, client_errors():
        work = _run(source, results, url, auth, concurrency=concurrency, upload=upload)
        outcome = asyncio.run(work)
        if not outcome.classified + outcome.failed + results.before:
            raise WarmlensError("no_photos", f"There is no photo in {source.name}.")
        threshold = _threshold(url, auth, results.version) if results.not_recognized else None
        usd = cost_usd(outcome, deployment)
        return summary(outcome, results, usd, threshold), outcome.other_names


async def _run(
    source: Source,
    results: ResultsFile,
    url: str,
    auth: httpx.Auth | None,
    *,
    concurrency: int,
    upload: bool,
) -> Outcome:
    total = await asyncio.to_thread(source.count)

    async def call(data: bytes | None, file_path: str | None) -> dict[str, Any]:
        if file_path is not None:
            answer = await client.classify_path(file_path)
        else:
            assert data is not None
            answer = await client.classify(data, upload=upload or None)
        return dict(answer.raw)

    with progress_bar("classifying") as show:
        batch = Batch(
            source,
            results,
            call,
            concurrency=concurrency,
            upload=upload,
            on_progress=lambda done: show(done, total),
        )
        async with AsyncClient(url, auth=auth, on_retry=batch.on_retry) as client:
            return await batch.run()


def _threshold(url: str, auth: httpx.Auth | None, version: str | None) -> float | None:
    """Return the threshold of a version; None if it is not served any more."""
    try:
        model = served_model(url, auth)
    except WarmlensError:  # the photos have their answers, with or without this number
        return None
    return model.threshold if f"{model.model}@{model.version}" == version else None


def _source(place: str, results_path: Path, deployment: "Deployment | None") -> Source:
    if not is_address(place):
        out = results_path.resolve()
        return FolderSource(Path(place), frozenset((out, out.with_name(out.name + PARTIAL_SUFFIX))))
    if deployment is None:
        from warmlens.deployment import aws_session

        return BucketSource(place, aws_session().client("s3"))
    return BucketSource(place, deployment.s3, deployment.outputs.get("ImagesBucket"))


def cost_usd(outcome: Outcome, deployment: "Deployment | None") -> float | None:
    """Return the estimated cost of a run in USD; None if it is not known.

    Args:
        outcome: what the run did.
        deployment: the environment; None for an API that is only known by URL.
    """
    if deployment is None or deployment.local_url is not None:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        size = function_size(deployment.lambda_, deployment.output("ClassifierFunction"))
        prices = read_prices(deployment.lambda_.meta.region_name)
        return usd_of_run(
            size,
            prices,
            outcome.sent,
            function_s=outcome.function_s,
            api=deployment.outputs.get("ApiKind", "rest"),  # an older deployment has none
        )
    except (BotoCoreError, ClientError, WarmlensError) as error:
        err.print(f"The cost is not known: {error}")
        return None
