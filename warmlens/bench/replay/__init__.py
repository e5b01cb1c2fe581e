"""A plan replayed on the local cloud: real instances, the real warmer, real HTTP, idle time skipped."""
