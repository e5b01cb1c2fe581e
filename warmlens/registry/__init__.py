"""The model registry: manifests, checks, publishing, and serving of model versions."""
