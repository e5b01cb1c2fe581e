"""The handler that every speed figure is divided by: the paper's way, with today's packages."""
