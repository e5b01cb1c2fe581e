"""The baselines of the benchmarks: the paper's PyTorch handler, and one on plain ONNX Runtime."""
