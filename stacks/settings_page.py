"""The settings as a page of the docs: `python -m stacks.settings_page > docs/settings.md`."""

import re
from dataclasses import MISSING, Field, fields
from typing import Any

from stacks.settings import Settings

_BEGIN = """# Settings

One record for each environment in [app.py](../app.py); what an environment does not name has the
default below. A wrong value is refused at synth with one sentence that says what is allowed.
`npx cdk synth` builds all environments, with `-c env=dev` one of them; `-c model=NAME@VERSION`
serves another model than the settings name.

This page is made from [stacks/settings.py](../stacks/settings.py) by `make reference`.

| setting | default | allowed | what it does |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page.

    Raises:
        KeyError: a setting is not described in the docstring of `Settings`.
    """
    words = descriptions()
    return _BEGIN + "".join(
        f"| `{each.name}` | {_default(each)} | {_cell(each.metadata['rule'].allowed)} "
        f"| {_cell(words[each.name])} |\n"
        for each in fields(Settings)
    )


def descriptions() -> dict[str, str]:
    """Return what the docstring of `Settings` says of each setting."""
    _, _, text = (Settings.__doc__ or "").partition("Attributes:\n")
    text, _, _ = text.partition("Raises:")
    parts = re.split(r"^        (\w+): ", text, flags=re.MULTILINE)[1:]
    return {
        name: " ".join(words.split()) for name, words in zip(parts[::2], parts[1::2], strict=True)
    }


def _default(setting: Field[Any]) -> str:
    if setting.default is MISSING:
        return "must be named"
    return f"`{setting.default!r}`"


def _cell(words: str) -> str:
    words = re.sub(r"^allowed (is|are) ", "", words)
    # "a to z" are letters: "A to z" would be others.
    sentence = words if words.startswith("a to z") else words[0].upper() + words[1:]
    return sentence.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
