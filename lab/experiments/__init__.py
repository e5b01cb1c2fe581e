"""The paper's experiments, repeated: each of its tables and figures beside ours."""
