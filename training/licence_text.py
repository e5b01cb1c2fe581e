"""The file LICENSE of a version, with the licences of its starting weights and its photos."""

from importlib import metadata
from pathlib import Path

from training.config import LITES
from training.efficientnet_lite import weights_package
from training.model_card import given_text
from training.run_folder import RunRecord

LICENCE_FILE = "LICENSE"
ARCHITECTURE_PACKAGE = "efficientnet-lite-pytorch"  # has the text that the notices refer to


def weights_licence(architecture: str) -> str:
    """Return the notice on the ImageNet weights of a Lite, and the Apache License that it names."""
    notice = metadata.distribution(weights_package(architecture)).read_text("LICENSE")
    text = metadata.distribution(ARCHITECTURE_PACKAGE).read_text("LICENSE")
    return f"{notice}\n{text}"


def licence_file(record: RunRecord, given: Path | None) -> dict[str, bytes]:
    """Return the file LICENSE of a run's version by its name; empty if it needs no text.

    By the Apache License (section 4), a derived work, such as fine-tuned weights, is given away
    with the licence and the original's notices.

    Args:
        record: of the run, which names the weights that it started from.
        given: file of further texts, such as the licence of the photos.

    Raises:
        WarmlensError: `bad_licence` if the file is missing, empty or not text in UTF-8.
    """
    start = record.initial_weights["description"]
    texts = [weights_licence(each) for each in LITES if weights_package(each) in start]
    if given is not None:
        texts.append(given_text(given, "bad_licence") + "\n")
    return {LICENCE_FILE: "\n\n".join(texts).encode()} if texts else {}
