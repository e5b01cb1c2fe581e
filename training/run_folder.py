"""The folder of a training run: what was asked, how far it is, and its best weights."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from training.checkpoint import write_whole
from training.settings import Settings, settings_document, settings_from
from warmlens.errors import WarmlensError

SCHEMA = "warmlens.run/1"


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What ``run.json`` says: everything that the run's result follows from.

    ``data`` has path, sha256 and counts of the photos; ``initial_weights`` has kind, description
    and sha256 of the weights that the run started from.
    """

    name: str
    settings: Settings
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    data: dict[str, Any]
    initial_weights: dict[str, Any]
    command: str
    versions: dict[str, str]


class RunFolder:
    """The paths in a run's folder, and its record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "run.json"
        self.checkpoint = path / "checkpoint.pt"
        self.best = path / "best.safetensors"
        self.history = path / "history.jsonl"
        self.curves = path / "curves.png"

    def begin(self, record: RunRecord) -> bool:
        """Write the record of a new run, or check that the run that is here is the same.

        Returns:
            True when the run is here already and goes on.

        Raises:
            WarmlensError: ``other_run`` when what is here was asked for differently.
        """
        if not self.record_file.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            document = _document(record)
            write_whole(self.record_file, lambda part: part.write_text(_json(document)))
            return False
        here, asked = _document(self.read()), _document(record)
        for section in ("name", "ids", "labels", "settings", "data", "initial_weights"):
            ours, theirs = _comparable(asked[section]), _comparable(here[section])
            for field in sorted(ours.keys() | theirs.keys()):
                if ours.get(field) != theirs.get(field):
                    raise WarmlensError(
                        "other_run",
                        f"{self.path} holds a run with {section} {field} {theirs.get(field)}; "
                        f"asked for: {ours.get(field)}. Give this run another folder.",
                    )
        return True

    def read(self) -> RunRecord:
        """Return the record.

        Raises:
            WarmlensError: ``no_run``.
        """
        try:
            document = json.loads(self.record_file.read_bytes())
            if document.pop("schema") != SCHEMA:
                raise ValueError("another schema")
            return RunRecord(
                **{
                    **document,
                    "settings": settings_from(document["settings"]),
                    "ids": tuple(document["ids"]),
                    "labels": tuple(document["labels"]),
                }
            )
        except FileNotFoundError:
            raise WarmlensError(
                "no_run", f"{self.path} holds no training run; allowed: a folder with run.json."
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise WarmlensError(
                "no_run", f"{self.record_file} is not readable: {error!r}."
            ) from None


def _document(record: RunRecord) -> dict[str, Any]:
    document = {"schema": SCHEMA, **dataclasses.asdict(record)}
    # Through JSON, so that a record that was read compares equal to the one that was written.
    plain: dict[str, Any] = json.loads(
        _json({**document, "settings": settings_document(record.settings)})
    )
    return plain


def _comparable(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"": value}
    # The photos count, wherever they lie.
    return {key: found for key, found in value.items() if key != "path"}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
