"""Our warmer compared with lambda-warmer-py, the package in use elsewhere."""
