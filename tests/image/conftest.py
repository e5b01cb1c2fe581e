"""The image with PyTorch is checked where an index with its CPU builds is named."""

import os

collect_ignore = [] if os.environ.get("TORCH_INDEX") else ["test_torch_image.py"]
