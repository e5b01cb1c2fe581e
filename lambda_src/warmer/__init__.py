"""The warmer function, which keeps instances of the classifier warm."""
