"""Generated product photos: 30 products to recognise, and random ones for pretraining.

Everything is drawn by this package from a seed; no photograph and no third party's design is in
it. ``catalogue`` and ``dataset`` are where to start reading.
"""
