"""Fails when it is imported for the first time."""

import os
from pathlib import Path
from typing import Any

_tried = Path(os.environ["IMPORT_FAILS_UNTIL"])
if not _tried.exists():
    _tried.touch()
    raise RuntimeError("the store was not there yet")


def handler(event: Any, context: Any) -> Any:
    """Answer the event."""
    return event
