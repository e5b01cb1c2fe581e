"""Benchmarks of the classifier and a PyTorch baseline: cold starts, warm calls, memory, cost."""
