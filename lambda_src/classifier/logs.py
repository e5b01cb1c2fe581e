"""Log lines as JSON, one object a line, as CloudWatch Logs Insights reads them."""

import json


def log(level: str, message: str, **fields: object) -> None:
    """Print one log line; `fields` must be JSON values."""
    print(json.dumps({"level": level, "message": message, **fields}), flush=True)
