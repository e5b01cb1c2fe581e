"""The one error of this package."""


class ModelError(Exception):
    """A model version that must not be served, or a step on one that was refused.

    Attributes:
        code: a stable word for programs, such as ``wrong_sha256``.
        message: one sentence for people: which file or field, its value, what is allowed.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
