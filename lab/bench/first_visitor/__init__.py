"""Benchmark of the first visitor's wait, with everything cold, over an emulated phone link."""
