"""The baseline of the benchmarks: the paper's PyTorch handler, with current packages."""
