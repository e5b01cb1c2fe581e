"""Findings about a folder of photos, which `data check` lists and training refuses or ignores."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from warmlens.errors import WarmlensError

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


def counted(count: int, one: str, many: str) -> str:
    """Return a number with the words for it, such as `1 class has` or `2 classes have`."""
    return f"{count:,} {one if count == 1 else many}"


def require_no_errors(root: Path, findings: Iterable[Finding]) -> None:
    """Check that no finding about a folder is an error.

    Raises:
        WarmlensError: the code of the first one that is.
    """
    for finding in findings:
        if finding.severity == "error":
            raise WarmlensError(
                finding.code,
                f"{root}: {finding.message} The first: {finding.paths[0]}; "
                "`warmlens model data check` lists all.",
            )
