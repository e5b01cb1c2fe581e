"""The container-image function: answers `classification` and `wakeup`."""

import time

STARTED_S = time.monotonic()  # taken here, since this runs before any other module is imported
