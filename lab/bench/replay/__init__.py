"""A plan replayed on the local cloud: real instances, warmer and HTTP, with idle time skipped."""
