"""Replays of a plan on the local cloud, with idle time skipped."""
