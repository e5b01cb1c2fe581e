"""Generated pictures of the docs: `make pictures`."""
