"""Benchmark of networks: cold starts, warm calls and memory."""
