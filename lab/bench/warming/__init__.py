"""Simulated comparison of ways to keep instances warm."""
