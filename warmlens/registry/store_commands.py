"""The commands `warmlens model publish`, `diff`, `serve` and `rollback`."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from warmlens.command_line import (
    AsJson,
    Env,
    Folder,
    ModelName,
    Models,
    ModelVersion,
    OptionalEnv,
)
from warmlens.completion import model_versions
from warmlens.console import err, out
from warmlens.errors import WarmlensError
from warmlens.paths import LOCAL_CLOUD, MODEL_ARTIFACTS, STATE_FILE
from warmlens.progress import progress_bar, spinner

if TYPE_CHECKING:
    from warmlens.deployment import Deployment
    from warmlens.registry.publish import PublishResult, UploadProgress
    from warmlens.registry.serving import Change, Serving
    from warmlens.registry.store import Store
    from warmlens.registry.verify import Finding

app = typer.Typer()


@app.command(epilog="Example: warmlens model publish mine 1.0.0 --env dev")
def publish(
    name: ModelName,
    version: ModelVersion,
    env: OptionalEnv = None,
    bucket: Annotated[
        str | None, typer.Option(help="Name of a models bucket, instead of --env.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="With EFS: wait until the file system has a copy."),
    ] = False,
    models: Models = MODEL_ARTIFACTS,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Publish a model version to an environment.

    A published version never changes: publishing it again uploads only missing or damaged files.
    Publish a version before you deploy it: otherwise the deploy's canary fails. AWS calls use the
    credentials and region of the shell; the local cloud has its own.
    """
    from warmlens.deployment import aws_session
    from warmlens.registry.publish import publish_model

    if (env is None) == (bucket is None):
        raise WarmlensError("bad_setting", "Give either --env ENV or --bucket BUCKET.")
    if wait and env is None:
        raise WarmlensError("bad_setting", "--wait needs --env ENV: a bucket has no file system.")
    environment = None
    if env is not None:
        environment = _environment(env, folder)
        s3, bucket = environment.s3, _models_bucket(environment)
    else:
        s3 = aws_session().client("s3")
    assert bucket is not None
    with progress_bar(f"{name} {version}", in_bytes=True) as on_bytes:

        def on_progress(upload: "UploadProgress") -> None:
            on_bytes(upload.sent_bytes, upload.total_bytes)

        result = publish_model(models / name / version, bucket, s3, on_progress)
    if not as_json:
        _print_published(result, bucket)
    copied = _copied(environment, name, version) if environment and wait else None
    if as_json:
        document = {**dataclasses.asdict(result), "bucket": bucket, "copied": copied}
        typer.echo(json.dumps(document, indent=2))
    elif copied:
        out.print(f"The file system has {name} {version}.")


def _print_published(result: "PublishResult", bucket: str) -> None:
    model = f"{result.name} {result.version}"
    if result.published:
        out.print(f"Published {model} to {bucket}.")
    elif result.repaired:
        files = ", ".join(key.rpartition("/")[2] for key in result.repaired)
        out.print(f"Repaired {model} in {bucket}: {files}.")
    else:
        out.print(f"{model} is in {bucket} already, unchanged.")


def _copied(environment: "Deployment", name: str, version: str) -> bool:
    """Copy a version to the file system; return False for an environment without one."""
    from warmlens.registry.file_system import copy_to_file_system

    function = environment.outputs.get("ModelSyncFunction")
    if function is None:
        err.print(f"{environment.name} has no file system of models: there is no copy to wait for.")
        return False
    with spinner(f"copying {name} {version}"):
        copy_to_file_system(environment.lambda_, function, name, version)
    return True


def list_published(env: str, folder: Path, as_json: bool) -> None:
    """Print the versions published in an environment, and the one it serves."""
    faults: list[str] = []
    rows: list[dict[str, Any]] = []
    environment = _environment(env, folder)
    store = _store(environment)
    served = _serving(environment).current()
    for name, version in store.versions():
        try:
            manifest = store.manifest(name, version)
        except WarmlensError as error:
            faults.append(error.message)
            continue
        rows.append({
            "name": name,
            "version": version,
            "architecture": manifest.architecture,
            "precision": manifest.precision,
            "bytes": manifest.files.bytes,
            "served": (name, version) == (served.name, served.version),
        })  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"models": rows, "faults": faults}, indent=2))
    else:
        name_column = Column("name", no_wrap=True)
        table = Table(name_column, "version", "precision", "MB", "served")
        for row in rows:
            megabytes = f"{row['bytes'] / 1e6:.1f}"
            mark = "yes" if row["served"] else ""
            table.add_row(row["name"], row["version"], row["precision"], megabytes, mark)
        out.print_table(table)
        for fault in faults:
            err.print(fault, style="red")
    if faults:
        raise typer.Exit(1)


def verify_published(
    name: str, version: str, env: str, folder: Path, *, as_json: bool
) -> list["Finding"]:
    """Return the problems of a published version."""
    store = _store(_environment(env, folder))
    return store.verify(store.manifest(name, version))


@app.command(epilog="Example: warmlens model diff mine 1.0.0 1.1.0")
def diff(
    name: ModelName,
    before: Annotated[
        str, typer.Argument(help="A version, such as 1.0.0.", autocompletion=model_versions)
    ],
    after: Annotated[
        str, typer.Argument(help="Another version, such as 1.1.0.", autocompletion=model_versions)
    ],
    env: OptionalEnv = None,
    models: Models = MODEL_ARTIFACTS,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Compare the manifests of two model versions.

    With --env, compares published versions.
    """
    from warmlens.registry.diff import diff_manifests
    from warmlens.registry.manifest_file import read_manifest

    if env is None:
        old, new = (read_manifest(models / name / each) for each in (before, after))
    else:
        store = _store(_environment(env, folder))
        old, new = (store.manifest(name, each) for each in (before, after))
    differences = diff_manifests(old, new)
    if as_json:
        rows = [dataclasses.asdict(difference) for difference in differences]
        typer.echo(json.dumps({"name": name, "differences": rows}, indent=2))
        return
    if not differences:
        out.print(f"{name} {before} and {after} do not differ.")
        return
    table = Table("field", Column(before, overflow="fold"), Column(after, overflow="fold"))
    for difference in differences:
        table.add_row(difference.field, _cell(difference.before), _cell(difference.after))
    out.print_table(table)


@app.command(epilog="Example: warmlens model serve mine 1.1.0 --env dev")
def serve(
    name: ModelName,
    version: ModelVersion,
    env: Env,
    folder: Folder = LOCAL_CLOUD,
    as_json: AsJson = False,
) -> None:
    """Serve a published version without a deploy.

    The alias moves to the version once an instance has loaded it. The next `cdk deploy` that
    changes the classifier returns to the version in environments.py. The newest ten versions of the
    function are kept.
    """
    from warmlens.registry.pruning import prune_or_report

    environment = _environment(env, folder)
    with spinner(f"trying {name} {version}"):
        change = _serving(environment).serve(name, version)
    _print_change(change, env, as_json=as_json)
    prune_or_report(environment.lambda_, environment.output("ClassifierFunction"))


@app.command(epilog="Example: warmlens model rollback --env dev")
def rollback(env: Env, folder: Folder = LOCAL_CLOUD, as_json: AsJson = False) -> None:
    """Serve the previous model version again."""
    with spinner("moving the alias back"):
        change = _serving(_environment(env, folder)).rollback()
    _print_change(change, env, as_json=as_json)


def _print_change(change: "Change", env: str, *, as_json: bool) -> None:
    after = change.after
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(change), indent=2))
    elif change.before == after:
        out.print(f"{env} serves {after.name} {after.version} already.")
    else:
        before = change.before
        out.print(
            f"{env} serves {after.name} {after.version} now; before, it was {before.name} "
            f"{before.version}."
        )


def _environment(name: str, folder: Path) -> "Deployment":
    from warmlens.deployment import find_deployment

    return find_deployment(name, local_state=folder / STATE_FILE)


def _store(environment: "Deployment") -> "Store":
    from warmlens.registry.store import Store

    return Store(environment.s3, _models_bucket(environment), environment.name)


def _models_bucket(environment: "Deployment") -> str:
    bucket = environment.outputs.get("ModelsBucket")
    if bucket is None:
        raise WarmlensError(
            "no_models_bucket",
            f"{environment.name} has its models in the container image: change model_name, "
            "model_version or other_models in environments.py and deploy.",
        )
    return bucket


def _serving(environment: "Deployment") -> "Serving":
    from warmlens.registry.serving import Serving

    environment.output("ClassifierFunction")  # refuses an environment that is deployed in part
    return Serving.of(environment.outputs, environment.lambda_, environment.s3, environment.name)


def _cell(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
