"""A function whose init takes until the file named by IMPORT_UNTIL exists."""

import os
import time
from pathlib import Path
from typing import Any

while not Path(os.environ["IMPORT_UNTIL"]).exists():
    time.sleep(0.005)


def handler(event: Any, context: Any) -> Any:
    return event
