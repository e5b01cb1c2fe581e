"""Snapshots of the templates of each environment: a change shows in the diff.

`pytest tests/infrastructure/test_snapshots.py --snapshot-update` agrees to a change.
"""

import json
import re
from typing import Any

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.infrastructure.variants import Assembly

# An asset's name, a version's id and a stage's id change with what they hold, not with the design.
_HASHES = (
    (re.compile(r"[0-9a-f]{64}"), "<asset>"),
    (re.compile(r"(CurrentVersion|Deployment)([0-9A-F]{8})[0-9a-f]{32}"), r"\1\2<hash>"),
)


def normalised(template: dict[str, Any]) -> Any:
    text = json.dumps(template)
    for pattern, instead in _HASHES:
        text = pattern.sub(instead, text)
    content = json.loads(text)
    for resource in content["Resources"].values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if "DEPLOYED" in variables:
            variables["DEPLOYED"] = "<hash>"
    return content


def test_the_templates_are_those_that_were_agreed_on(
    assembly: Assembly, snapshot: SnapshotAssertion
) -> None:
    templates = {name: normalised(template) for name, template in assembly.templates.items()}
    assert templates == snapshot(extension_class=JSONSnapshotExtension)
