"""The classifier on the instruction sets of other processors: times and instruction counts."""
