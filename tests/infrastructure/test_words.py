"""The words that people read outside of the docs follow the word list of the docs' linter."""

import html
import json
import re

import pytest
import yaml

from warmlens.paths import ROOT, WEB

RULES = yaml.safe_load((ROOT / ".ci" / "prose" / "words.yml").read_text())["rules"]
PATTERNS = [
    re.compile(re.fullmatch(r"/(.*)/i", rule["pattern"])[1], re.IGNORECASE)  # type: ignore[index]
    for rule in RULES
]
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`')
DESCRIPTION = re.compile(r'"(?:description|summary|AlarmDescription)": ("(?:[^"\\]|\\.)*")')


def words_of(name: str) -> str:
    """Return what people read of a file: strings of a script, text of a page, descriptions."""
    path = ROOT / name
    text = path.read_text()
    if path.suffix == ".js":
        return "\n".join(STRING.findall(text))
    if path.suffix == ".html":
        return html.unescape(re.sub(r"<[^>]*>", "\n", text))
    return "\n".join(json.loads(each) for each in DESCRIPTION.findall(text))


@pytest.mark.parametrize(
    "name",
    [
        *sorted(f"web/{each.name}" for each in WEB.glob("*.js")),
        "web/index.html",
        "docs/openapi.json",
        "tests/infrastructure/__snapshots__/test_snapshots/"
        "test_the_templates_are_those_that_were_agreed_on[prod].json",
    ],
)
def test_the_page_the_api_and_the_alarms_use_the_words_of_the_docs(name: str) -> None:
    text = words_of(name)
    assert [match[0] for pattern in PATTERNS for match in pattern.finditer(text)] == []


def test_the_patterns_find_the_examples_of_the_word_list_in_each_kind_of_file() -> None:
    for rule, pattern in zip(RULES, PATTERNS, strict=True):
        for spec in rule["specs"]:
            assert pattern.search(spec["from"])
    assert STRING.findall('say("for whoever", `of ${name}`);') == ['"for whoever"', "`of ${name}`"]
    assert len(words_of("docs/openapi.json")) > 1000 < len(words_of("web/problems.js"))
