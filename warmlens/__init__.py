"""Warmlens: command line, model registry, local cloud and capacity planner."""
