"""The folder of a training run: record, checkpoint, history and best weights."""

import dataclasses
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.config import TrainingConfig, config_from
from warmlens.errors import WarmlensError

SCHEMA = "warmlens.run/1"
# Sections that must be equal for a run to continue.
SECTIONS = ("name", "ids", "labels", "settings", "data", "initial_weights", "teacher")


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """The content of `run.json`: everything that a run's result depends on.

    `data` has path, sha256 and counts of the photos; `initial_weights` has kind, description and
    sha256 of the weights that the run started from. `teacher` describes the network that a run on
    photos without classes learned from.
    """

    name: str
    config: TrainingConfig
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    data: dict[str, Any]
    initial_weights: dict[str, Any]
    command: str
    versions: dict[str, str]
    teacher: dict[str, Any] | None = None


class RunFolder:
    """The files in the folder of a run.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "run.json"
        self.checkpoint = path / "checkpoint.pt"
        self.best = path / "best.safetensors"
        self.history = path / "history.jsonl"
        self.curves = path / "curves.png"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other commands from training in the folder for as long as the block runs.

        Raises:
            WarmlensError: `run_in_use` when another command trains in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WarmlensError(
                    "run_in_use",
                    f"Another command trains in {self.path}. Wait for it, end it, or give this run "
                    "another folder.",
                ) from None
            yield
        finally:
            os.close(descriptor)

    def begin(self, record: RunRecord) -> bool:
        """Write the record of a new run, or check that the existing run has the same one.

        Returns:
            True when the run exists and continues.

        Raises:
            WarmlensError: `other_run` when the existing run has another record.
        """
        if not self.record_file.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            document = _document(record)
            write_whole(
                self.record_file, lambda part: part.write_text(_json(document), encoding="utf-8")
            )
            return False
        here, asked = _document(self.read()), _document(record)
        for section in SECTIONS:
            ours, theirs = _comparable(asked[section]), _comparable(here[section])
            for field in sorted(ours.keys() | theirs.keys()):
                if ours.get(field) != theirs.get(field):
                    raise WarmlensError(
                        "other_run",
                        f"{self.path} has a run with {section} {field} {theirs.get(field)}; "
                        f"asked for: {ours.get(field)}. Give this run another folder.",
                    )
        return True

    def read(self) -> RunRecord:
        """Return the record.

        Raises:
            WarmlensError: `no_run`.
        """
        try:
            document = json.loads(self.record_file.read_bytes())
            if document.pop("schema") != SCHEMA:
                raise ValueError("another schema")
            config = config_from(document.pop("settings"))
            return RunRecord(
                **{
                    **document,
                    "config": config,
                    "ids": tuple(document["ids"]),
                    "labels": tuple(document["labels"]),
                }
            )
        except FileNotFoundError:
            raise WarmlensError(
                "no_run", f"{self.path} has no training run; allowed: a folder with run.json."
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise WarmlensError(
                "no_run", f"{self.record_file} is not readable: {error!r}."
            ) from None


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Replace a file atomically.

    Args:
        path: the file.
        write: called with a path, writes the new content there.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        part = Path(folder) / path.name
        write(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)


def _document(record: RunRecord) -> dict[str, Any]:
    document = {"schema": SCHEMA, **dataclasses.asdict(record)}
    document["settings"] = document.pop("config")
    # Through JSON, so that a new record compares equal to a stored one.
    plain: dict[str, Any] = json.loads(_json(document))
    return plain


def _comparable(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"": value}
    # Moved photos are the same photos.
    return {key: each for key, each in value.items() if key != "path"}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
