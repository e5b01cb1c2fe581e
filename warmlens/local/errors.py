"""What a person is told when the local cloud cannot go on."""


class LocalCloudError(Exception):
    """The local cloud cannot start or go on; the message says why and what to do."""
