"""A low-rank adapter of the classifier's picture tower."""
