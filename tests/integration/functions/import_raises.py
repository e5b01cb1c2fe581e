"""A function whose module raises when it is imported."""

raise RuntimeError("no model in the store")
