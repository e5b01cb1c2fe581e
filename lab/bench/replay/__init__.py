"""Replays of a day's traffic on the local cloud, with idle time skipped."""
