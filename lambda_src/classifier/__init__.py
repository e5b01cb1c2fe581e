"""The classifier function: a container image that classifies photos and describes its model."""

import gc
import time

STARTED_S = time.monotonic()  # here, since this runs before any other module is imported
gc.disable()  # init's objects stay anyway; `Instance` enables it again
