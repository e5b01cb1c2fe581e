"""Command line, model registry, local cloud and planner of Warmlens."""
