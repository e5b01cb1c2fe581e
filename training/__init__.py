"""Training, export, import and evaluation of models."""
