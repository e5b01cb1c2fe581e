"""The exception for errors that commands report to the user."""

_LOCAL = ("aiohttp", "psutil")  # packages of the extra `local` in pyproject.toml


class WarmlensError(Exception):
    """An error with a code for programs and a message for people.

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
    """Return the error for a missing package of an extra, `local` or `training`.

    Args:
        package: its name, such as `torch`.
    """
    extra, target = ("local", "run") if package in _LOCAL else ("training", "training")
    return WarmlensError(
        "package_missing",
        f"The package {package} is not installed: run make {target} in a checkout, or pip install "
        f"'warmlens[{extra}]' where the wheel is installed.",
    )
