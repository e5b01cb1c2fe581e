"""Measurements of the product, and the paper's experiments."""
