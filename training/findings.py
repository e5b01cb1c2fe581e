"""Findings about a folder of photos, which `data check` lists and training refuses or ignores."""

import dataclasses
from typing import Literal

Severity = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem of the photos: an error prevents a good model, a warning may do so.

    Attributes:
        code: a stable word for programs, such as `duplicate_across_splits`.
        severity: `"error"` or `"warning"`.
        message: one sentence for people.
        paths: the files or classes concerned, relative to the folder; may be empty.
    """

    code: str
    severity: Severity
    message: str
    paths: tuple[str, ...] = ()
