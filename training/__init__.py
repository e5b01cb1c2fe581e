"""Bring your own model: train on a folder of photos, export, import and evaluate models."""
