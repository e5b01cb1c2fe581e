"""Capacity planning: instances, memory and cost, simulated before anything is deployed."""
