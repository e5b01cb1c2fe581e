"""The file of class ids and names that goes with a model."""

import json


def labels_json(ids: tuple[str, ...], labels: tuple[str, ...]) -> bytes:
    """Return the bytes of ``labels.json``: both in the order of the outputs."""
    document = {"ids": ids, "labels": labels}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
