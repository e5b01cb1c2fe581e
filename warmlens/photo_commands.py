"""The commands `warmlens photos list` and `delete`, for requests to delete a person's photos."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from warmlens.command_line import AsJson, Env, Folder
from warmlens.console import err, out, printable
from warmlens.errors import WarmlensError
from warmlens.groups import Group
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.progress import spinner

if TYPE_CHECKING:
    from warmlens.deployment import Deployment
    from warmlens.photos import StoredPhoto

app = typer.Typer(cls=Group, no_args_is_help=True, help="List and delete uploaded photos.")


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time such as 2026-11-30, 2026-11-30T14:05Z or 2026-11-30T15:05+01:00"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


After = Annotated[
    datetime | None,
    typer.Option(
        parser=_time,
        metavar="TIME",
        help="Photos stored at this time or later. UTC, if the time has no offset.",
    ),
]
Before = Annotated[
    datetime | None,
    typer.Option(parser=_time, metavar="TIME", help="Photos stored before this time."),
]


@app.command(
    name="list", epilog="Example: warmlens photos list --env prod --after 2026-11-30T14:00Z"
)
def list_command(
    env: Env,
    after: After = None,
    before: Before = None,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """List the uploaded photos of an environment, the oldest first.

    Needs s3:ListBucketVersions. Exit code 3 if the environment does not exist.
    """
    from warmlens.photos import find_photos

    deployment = _deployment(env, folder)
    bucket = deployment.output("ImagesBucket")
    with spinner("listing"):
        photos = find_photos(deployment.s3, bucket, after=after, before=before)
    if as_json:
        typer.echo(json.dumps({"photos": [_described(photo) for photo in photos]}, indent=2))
        return
    table = Table("path", "stored", "bytes")
    for photo in photos:
        size = "deletion" if photo.size_bytes is None else str(photo.size_bytes)
        table.add_row(photo.file_path, photo.uploaded_at.isoformat(), size)
    out.print_table(table)


@app.command(epilog="Example: warmlens photos delete uploads/2026/11/30/NAME.jpg --env prod")
def delete(
    env: Env,
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="file_path of each photo.", show_default=False),
    ] = None,
    after: After = None,
    before: Before = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Delete uploaded photos permanently, by name or by time.

    With --after or --before, asks first. Deletes all versions of a photo, in case the bucket is
    versioned. A photo that is not stored is reported; this is not an error. Needs
    s3:ListBucketVersions and s3:DeleteObjectVersion. Exit code 1 if S3 did not delete all of them,
    3 if the environment does not exist.
    """
    from warmlens.photos import delete_photos, find_photos, photos_at

    has_time = after is not None or before is not None
    if bool(paths) == has_time:
        raise typer.BadParameter("name photos, or give --after, --before or both of them")
    deployment = _deployment(env, folder)
    bucket = deployment.output("ImagesBucket")
    missing: list[str] = []
    with spinner("looking for photos"):
        if paths:
            by_path = {path: photos_at(deployment.s3, bucket, path) for path in paths}
            missing = [path for path, photos in by_path.items() if not photos]
            found = [photo for photos in by_path.values() for photo in photos]
        else:
            found = find_photos(deployment.s3, bucket, after=after, before=before)
    if found and not paths and not yes:
        _confirm(found, env)
    delete_photos(deployment.s3, bucket, found)
    if as_json:
        deleted = [_described(photo) for photo in found]
        typer.echo(json.dumps({"deleted": deleted, "not_stored": missing}, indent=2))
        return
    for photo in found:
        out.print(f"Deleted {photo.file_path}")
    for path in missing:
        err.print(f"{path} is not stored.")
    if not found and not missing:
        err.print("No photo was stored in that time.")


def _confirm(photos: "list[StoredPhoto]", env: str) -> None:
    """Ask whether to delete; raises WarmlensError `not_confirmed` unless the answer is yes."""
    first, last = photos[0].uploaded_at, photos[-1].uploaded_at
    what = f"{len(photos)} photos of {env}, stored from {first.isoformat()} to {last.isoformat()}"
    if not sys.stdin.isatty():
        raise WarmlensError("not_confirmed", f"To delete {what}, add --yes.", exit_code=2)
    if not typer.confirm(printable(f"Delete {what}?"), err=True):
        raise WarmlensError("not_confirmed", "Nothing was deleted.")


def _described(photo: "StoredPhoto") -> dict[str, object]:
    return {
        "file_path": photo.file_path,
        "uploaded_at": photo.uploaded_at.isoformat(),
        "bytes": photo.size_bytes,
        "version_id": photo.version_id,
    }


def _deployment(env: str, folder: "Folder") -> "Deployment":
    from warmlens.deployment import find_deployment

    return find_deployment(env, local_state=folder / STATE_FILE)
