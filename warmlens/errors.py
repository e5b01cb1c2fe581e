"""The error that every command reports, as one line or as JSON."""


class WarmlensError(Exception):
    """A request that cannot be carried out, with the reason and the remedy.

    Args:
        code: a stable word for programs, such as `not_found`.
        message: one or two sentences for people: what is wrong, and what to do.
        exit_code: exit code of the command that reports it.
    """

    def __init__(self, code: str, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code


def missing_package(package: str) -> WarmlensError:
    """Return the error for a package of an extra that is not installed.

    Args:
        package: its name, such as `torch`.
    """
    return WarmlensError(
        "package_missing",
        f"The package {package} is not installed: run pip install 'warmlens[training]', or make "
        "training in a checkout.",
    )
