"""The largest images that an instance's memory allows."""

INSTANCE_MB = {"onnxruntime": 100, "torch": 400}
"""With a phone's photo: docs/performance.md, docs/decisions/0035-torch.md."""
DECODE_BYTES_PER_PIXEL = 25
"""Maximum, reached by a rotated lossless WebP with transparency: test_hostile_images.py."""
COPIES_OF_A_FILE = 2
"""The client's and the classifier's while a file is fetched, then one with metadata and one
without."""


def max_fetchable_bytes(memory_mb: int, engine: str = "onnxruntime") -> int:
    """Return the size of the largest image file that an instance's memory can fetch.

    Args:
        memory_mb: the classifier's memory.
        engine: the library that runs the model.
    """
    return (memory_mb - INSTANCE_MB[engine]) * 2**20 // COPIES_OF_A_FILE


def max_decodable_pixels(memory_mb: int, image_bytes: int, engine: str = "onnxruntime") -> int:
    """Return the number of pixels of the largest image that an instance's memory can decode.

    Args:
        memory_mb: the classifier's memory.
        image_bytes: size of the image's file.
        engine: the library that runs the model.
    """
    free_bytes = (memory_mb - INSTANCE_MB[engine]) * 2**20 - COPIES_OF_A_FILE * image_bytes
    return free_bytes // DECODE_BYTES_PER_PIXEL
