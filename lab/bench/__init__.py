"""Benchmarks of the classifier, the warmer, the local cloud and the planner."""
