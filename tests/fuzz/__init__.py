"""Coverage-guided fuzzing of the code that reads callers' bytes; `make fuzz` runs it."""
