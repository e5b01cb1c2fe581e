"""Comparison of warming policies by simulation."""
