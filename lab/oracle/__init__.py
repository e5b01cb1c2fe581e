"""The plain-Python simulator that the planner's kernel is checked against."""
