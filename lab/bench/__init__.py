"""Measurements of the service: what they run on, how they count, what they print."""
