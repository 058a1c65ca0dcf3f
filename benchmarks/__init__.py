"""Measurements of speed; run with ``python -m benchmarks``. No test depends on them."""
