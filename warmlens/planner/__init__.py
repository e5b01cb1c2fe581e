"""Capacity planning by simulation: instances, memory and cost before a deploy."""
