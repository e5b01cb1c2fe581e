"""The classifier's speed beside the baseline's: cold starts, warm calls, memory and cost."""
