"""Pictures of the docs that commands draw: `make pictures`."""
