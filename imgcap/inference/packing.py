"""Laying weights out once as the processor's bf16 tiles want them, instead of at every product.

A product of few rows, as in writing a caption, spends as long on reordering the weights as on
multiplying: 768 x 3072 weights took one core 697 µs plain and 379 µs packed with one row. A caption
of 20 tokens by a model of BLIP's size took 0.73 of the time with its decoder packed, and 0.68 with
all else packed as well; but packed weights are a process's own, while plain ones are mapped and
shared. So only what is multiplied with few rows is packed.
"""

from typing import Any

import torch
from torch import Tensor, nn

from imgcap.inference.residency import let_go

FEW_ROWS = 32
"""Rows of a product up to which packing pays: the beams of a batch, one token each."""


def pack(model: nn.Module) -> None:
    """Let linear layers of a bf16 model on a CPU use packed weights, from their first few rows on.

    Each keeps its plain weights as well, for who asks for gradients; where those are a mapped
    file, they take memory only after that. Where torch has no such operation, nothing changes.
    """
    if not _can_pack():
        return
    for module in model.modules():
        if type(module) is nn.Linear and module.weight.dtype == torch.bfloat16:
            module.forward = _Packed(module)  # type: ignore[method-assign]


class _Packed:
    """The forward of a linear layer."""

    def __init__(self, layer: nn.Linear) -> None:
        self._layer = layer
        self._weights: Tensor | None = None

    def __call__(self, input: Tensor) -> Tensor:  # noqa: A002  # as torch calls it
        layer = self._layer
        plain = torch.is_grad_enabled() or input.dtype != torch.bfloat16
        rows = input.numel() // layer.in_features
        if plain or (self._weights is None and rows > FEW_ROWS):
            return nn.functional.linear(input, layer.weight, layer.bias)
        tools: Any = torch.ops.mkldnn
        if self._weights is None:
            self._weights = tools._reorder_linear_weight(layer.weight, rows)  # noqa: SLF001
            let_go(layer.weight)
        product: Tensor = tools._linear_pointwise(  # noqa: SLF001
            input, self._weights, layer.bias, "none", [], ""
        )
        return product


def _can_pack() -> bool:
    """Try it: these are operations that torch's compiler uses, and no public API."""
    layer = nn.Linear(16, 16, bias=True, dtype=torch.bfloat16).requires_grad_(requires_grad=False)
    rows = torch.ones(2, 3, 16, dtype=torch.bfloat16)
    try:
        with torch.inference_mode():
            return torch.allclose(_Packed(layer)(rows), layer(rows), rtol=0.02, atol=0.02)
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
