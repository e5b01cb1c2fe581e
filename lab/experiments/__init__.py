"""The paper's experiments, repeated: its tables and figures beside ours."""
