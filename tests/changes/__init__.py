"""Every change of the settings of every environment; not part of `make test`."""
