"""Printing of the answer for one photo, with hints where the model is not sure."""

from typing import TYPE_CHECKING, Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from warmlens.classify import served_model
from warmlens.console import err, out
from warmlens.errors import WarmlensError

if TYPE_CHECKING:
    from warmlens.deployment import Deployment

_OFFERED = 3


def print_answer(
    answer: dict[str, Any], *, url: str, auth: httpx.Auth | None, deployment: "Deployment | None"
) -> None:
    """Print the classes of a photo; before them, whether the model is not sure.

    Args:
        answer: the API's answer.
        url: root of the API; it is asked for its classes where the model is not sure.
        auth: authentication of the API.
        deployment: the API's environment; None for an API that is known by its URL alone.
    """
    not_sure = answer.get("recognized") is False  # an older API does not say
    if not_sure:
        out.print(f"Not sure: probably none of the {_knowledge(url, auth)} that this model knows.")
    table = Table("class", "id", "softmax")
    for rank in range(1, 6):
        if f"TOP{rank}_ID" in answer:
            table.add_row(
                str(answer[f"TOP{rank}_label"]),
                str(answer[f"TOP{rank}_ID"]),
                f"{answer[f'TOP{rank}_softmax']:.4f}",
            )
    out.print_table(table)
    temperature = "cold" if answer["cold_start"] else "warm"
    out.print(f"{answer['time'] * 1000:.0f} ms in the function, on a {temperature} instance")
    if not_sure:
        place = f"--url {url}" if deployment is None else f"--env {deployment.name}"
        err.print(f"All that it knows: warmlens model classes {place}")
        if deployment is not None:
            _print_offers(deployment, str(answer["model"]))


def knowledge(class_count: int, title: str | None) -> str:
    """Return a model's classes in words, such as `30 demo products`.

    Args:
        class_count: number of its classes.
        title: a word or two for all of them; None for a version without a title.
    """
    return f"{class_count:,} {title or 'classes'}"


def _knowledge(url: str, auth: httpx.Auth | None) -> str:
    try:
        model = served_model(url, auth)
    except WarmlensError:  # the photo has its answer, with or without this number
        return "classes"
    return knowledge(len(model.labels), model.title)


def _print_offers(deployment: "Deployment", served: str) -> None:
    """Print the commands that serve other published models, if the caller may list them."""
    from warmlens.registry.store import Store

    bucket = deployment.outputs.get("ModelsBucket")
    if bucket is None:  # the model is a part of the container image
        return
    try:
        store = Store(deployment.s3, bucket, deployment.name)
        newest = dict(store.versions())  # later ones replace earlier ones
    except (WarmlensError, BotoCoreError, ClientError):
        return
    servable = deployment.outputs.get("ServableModels", "*").split()
    others = {
        name: version
        for name, version in newest.items()
        if name != served and ("*" in servable or name in servable)
    }
    for name, version in list(others.items())[:_OFFERED]:
        err.print(
            f"Another model may know it: warmlens model serve {name} {version} "
            f"--env {deployment.name}"
        )
    if len(others) > _OFFERED:
        err.print(f"All published models: warmlens model list --env {deployment.name}")
