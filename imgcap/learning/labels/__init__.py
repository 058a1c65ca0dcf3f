"""A classifier that learns from corrected labels: moved weights, or remembered pictures."""
