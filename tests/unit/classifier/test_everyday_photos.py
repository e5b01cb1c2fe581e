"""Everyday photos, a cat and cups, by each shipped model: a right name, or not sure.

docs/models.md has the answers in a table.
"""

import pytest

from lambda_src.classifier.model import Model
from tests.training.served import served
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.registry.catalog import find_version

MODELS = ("groceries-lite2", "imagenet-efficientnet-lite0", "products-resnet50")
CATS = {"tiger cat", "tabby", "Egyptian cat", "Persian cat", "Siamese cat"}
CUPS = {"cup", "coffee mug", "espresso"}
PHOTOS = {
    "web/samples/cat.jpg": CATS,
    "training/other_things/cat/cat.webp": CATS,
    "web/samples/coffee.jpg": CUPS,
    "training/other_things/cup/buffetset.webp": CUPS,
    "training/other_things/cup/cup.webp": CUPS,
}
# A name that is neither right nor refused; each is in the table, too.
WRONG = {("imagenet-efficientnet-lite0", "training/other_things/cup/cup.webp")}
PAGE = ROOT / "docs" / "models.md"
HEADER = f"| photo | {' | '.join(f'`{name}`' for name in MODELS)} |\n| --- | --- | --- | --- |"


def opened(name: str) -> Model:
    _, _, version = find_version(MODEL_ARTIFACTS, name).partition("@")
    return served(MODEL_ARTIFACTS / name / version)


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], str]:
    """The answer for each model and photo: a name with its softmax in percent, or `not sure`."""
    found = {}
    for name in MODELS:
        model = opened(name)
        for photo in PHOTOS:
            data = (ROOT / photo).read_bytes()
            pixels = model.prepare(data, max_pixels=10**7, max_decode_ms=20_000)
            first = model.classify(pixels)[0]
            known = f"{first.label}, {100 * first.softmax:.0f} %"
            found[name, photo] = known if model.recognizes(first) else "not sure"
    return found


def test_each_is_named_right_or_not_recognized(answers: dict[tuple[str, str], str]) -> None:
    wrong = {
        (name, photo)
        for (name, photo), answer in answers.items()
        if answer != "not sure" and answer.partition(",")[0] not in PHOTOS[photo]
    }
    assert wrong == WRONG


def test_the_page_has_the_answers_that_the_function_gives(
    answers: dict[tuple[str, str], str],
) -> None:
    rows = "".join(
        f"| [`{photo}`](../{photo}) | "
        + " | ".join(
            answers[name, photo] + (" (wrong)" if (name, photo) in WRONG else "") for name in MODELS
        )
        + " |\n"
        for photo in PHOTOS
    )
    assert f"{HEADER}\n{rows}\n" in PAGE.read_text(encoding="utf-8")
