"""The model registry: manifests, verification, publishing and serving of model versions."""
