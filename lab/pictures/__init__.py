"""The pictures of the docs that are drawn by commands: `make pictures`."""
