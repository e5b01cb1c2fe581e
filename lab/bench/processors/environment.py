"""The classifier's variables, for a process with one version."""

import os
from pathlib import Path

from warmlens.paths import LAMBDA_SRC


def classifier_environment(version: Path, packages: Path | None = None) -> dict[str, str]:
    """Return the variables of a process that loads a model version.

    Args:
        version: folder of the version.
        packages: folder of packages that come before all others.
    """
    folders = (packages, LAMBDA_SRC) if packages else (LAMBDA_SRC,)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "IMAGES_BUCKET": "images",
        "IMAGE_PREFIXES": "test/",
        "MODELS_FOLDER": str(version.parents[1]),
        "MODEL_NAME": version.parent.name,
        "MODEL_VERSION": version.name,
        "MAX_IMAGE_BYTES": "10000000",
        "MAX_IMAGE_PIXELS": "22000000",
        "MAX_DECODE_MS": "20000",
        "MAX_HOLD_MS": "1000",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    }
