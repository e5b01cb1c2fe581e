"""A soak test of the whole local cloud."""
