"""Paths in the checkout, and the folder for the commands' state.

Outside a checkout, as with an installed wheel, paths are relative to the current folder, and state
is in the user's cache folder, never beside the installed package.
"""

import os
from pathlib import Path

from warmlens.errors import WarmlensError

_PARENT = Path(__file__).resolve().parents[1]
IN_CHECKOUT = (_PARENT / "cdk.json").is_file()


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "warmlens"


ROOT = _PARENT if IN_CHECKOUT else Path.cwd()
LAMBDA_SRC = ROOT / "lambda_src"
MODEL_ARTIFACTS = ROOT / "model_artifacts"
WEB = ROOT / "web"
STATE = ROOT / ".warmlens" if IN_CHECKOUT else _user_cache()
LOCAL_CLOUD = STATE / "local"
STATE_FILE = "state.json"


def require_checkout(command: str) -> None:
    """Check that the package runs from a checkout of the repository.

    Args:
        command: the command that needs it, such as `warmlens local up`.

    Raises:
        WarmlensError: the package is installed elsewhere.
    """
    if not IN_CHECKOUT:
        message = (
            f"{command} works only in a checkout of the Warmlens repository: "
            "clone it and run make run there."
        )
        raise WarmlensError("no_checkout", message)
