"""The command line `warmlens`, and what only people's machines run."""
