"""What the classifier trains on top of the published towers."""

import numpy as np
import torch
from texts import build_text_tower
from torch import Tensor, nn
from torch.nn import functional as F
from tower import build_tower

DIMENSION = 384
FROZEN_TEXT_LAYERS = 2


class ImageHead(nn.Module):
    """Lite's head convolution and a linear projection, over cached grids (n, 7, 7, channels)."""

    def __init__(self, variant: str, mean: Tensor | None = None, std: Tensor | None = None):
        super().__init__()
        block = build_tower(variant, DIMENSION).encoder.blocks[-1]
        norm = block.expansion.expand_bn
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.register_buffer("scale", scale.detach())
        self.register_buffer("shift", (norm.bias - norm.running_mean * scale).detach())
        self.expand = nn.Parameter(block.expansion.expand_conv.weight.detach().flatten(1))
        channels = len(self.expand)
        self.register_buffer("mean", torch.zeros(channels) if mean is None else mean)
        self.register_buffer("std", torch.ones(channels) if std is None else std)
        self.project = nn.Linear(channels, DIMENSION)

    def pool(self, grids: Tensor, weights: Tensor | None = None) -> Tensor:
        """Head activations averaged over the cells: (n, channels) float32."""
        cells = grids.flatten(1, 2)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = F.linear(cells.bfloat16(), self.expand * self.scale[:, None], self.shift)
        hidden = F.relu6(hidden).float()
        return hidden.mean(1) if weights is None else torch.einsum("ncd,nc->nd", hidden, weights)

    def forward(self, grids: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Embed as unit vectors (n, DIMENSION); with `rng`, augmented."""
        weights = None if rng is None else random_boxes(len(grids), rng)
        pooled = (self.pool(grids, weights) - self.mean) / self.std
        if rng is not None:
            pooled = F.dropout(pooled, 0.2)
        return F.normalize(self.project(pooled), dim=-1)


def random_boxes(count: int, rng: np.random.Generator) -> Tensor:
    """Weights of the 49 cells: for half of the pictures a box of 5 to 7 by 5 to 7 cells."""
    weights = np.zeros((count, 7, 7), np.float32)
    for i in range(count):
        h, w = rng.integers(5, 8, 2) if rng.random() < 0.5 else (7, 7)
        y, x = rng.integers(0, 8 - h), rng.integers(0, 8 - w)
        weights[i, y : y + h, x : x + w] = 1 / (h * w)
    return torch.from_numpy(weights).flatten(1)


class TextHead(nn.Module):
    """The text tower with ALIGN's projection of its first token."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.tower = build_text_tower(layers)
        self.project = nn.Linear(DIMENSION, DIMENSION)
        nn.init.eye_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.tower.pooler.requires_grad_(False)
        self.tower.embeddings.requires_grad_(False)
        for layer in self.tower.encoder.layer[:FROZEN_TEXT_LAYERS]:
            layer.requires_grad_(False)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Embed as unit vectors (n, DIMENSION)."""
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.tower(**batch).last_hidden_state[:, 0]
        return F.normalize(self.project(hidden.float()), dim=-1)
