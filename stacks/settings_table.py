"""The table of the settings, for docs/settings.md."""

import re
from dataclasses import MISSING, fields

from stacks.setting_messages import allowed_words, schemas_of
from stacks.settings import Settings


def settings_table() -> str:
    """Return the settings as a Markdown table, for docs/settings.md."""
    lines = ["| setting | default | allowed | description |", "| --- | --- | --- | --- |"]
    schemas = schemas_of(Settings)
    for field in fields(Settings):
        schema = schemas[field.name]
        default = "must be set" if field.default is MISSING else f"`{field.default!r}`"
        allowed = re.sub("^allowed (is|are) ", "", allowed_words(schema))
        description = " ".join(schema["description"].split())
        lines.append(f"| `{field.name}` | {default} | {allowed} | {description} |")
    return "\n".join(lines)
