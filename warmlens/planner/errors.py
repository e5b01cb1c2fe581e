"""What the planner refuses, by name."""


class PlanError(Exception):
    """An input is refused, or no plan is possible.

    Args:
        code: a word for what is wrong, such as `negative_rate`.
        message: what is wrong and what to do, for a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
