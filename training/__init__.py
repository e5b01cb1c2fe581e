"""Fine-tuning classifiers on a folder of photos, and making model versions of them."""
