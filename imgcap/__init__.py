"""Describe pictures with zero-shot labels and captions, and learn from what people say of them."""

__version__ = "0.1.0"
