"""The local cloud: runs the app on this machine, without AWS, for development."""
