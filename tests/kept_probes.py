"""Adapters of labels, kept as if they had been learned."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from imgcap.inference.adapter import Adapter, AdapterCard
from imgcap.inference.label_weights import Weights
from imgcap.learning.registry import keep_adapter, new_id


def kept_probe(folder: Path, checkpoint: str, label: str = "a blorp", **fields: Any) -> AdapterCard:
    """Keep an adapter that moves one label; `fields` are those of its card."""
    moves = np.ones((1, 4), np.float32)
    weights = Weights((label,), moves, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    card = AdapterCard(
        **{
            "id": new_id("probe"),
            "kind": "probe",
            "checkpoint": checkpoint,
            "labels": weights.labels,
            "records": (),
            "passed": True,
            "sentence": "Because it is so.",
            "figures": {},
            "time": datetime.now(UTC),
        }
        | fields
    )
    keep_adapter(folder, Adapter(card, weights))
    return card
