"""Coverage-guided fuzzing of what reads callers' bytes; `make fuzz` runs it."""
