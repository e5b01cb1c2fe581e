"""The container-image function: answers `classification` and `wakeup`."""

import gc
import time

STARTED_S = time.monotonic()  # taken here, since this runs before any other module is imported
gc.disable()  # what init makes stays; `Instance` turns it on again
