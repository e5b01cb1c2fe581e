"""The baseline: a PyTorch handler as in the paper, with today's packages."""
