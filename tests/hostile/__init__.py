"""Hostile images and requests, for the tests and as files."""
