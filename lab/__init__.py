"""The laboratory: benchmarks of the product, and the paper's experiments repeated."""
