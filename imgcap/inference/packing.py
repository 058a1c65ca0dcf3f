"""Laying weights out once as the processor's bf16 tiles want them, instead of at every product.

A product of few rows, as in writing a caption, spends as long on reordering the weights as on
multiplying: 768 x 3072 weights took one core 697 µs plain and 379 µs packed with one row. A caption
of 20 tokens by a model of BLIP's size took 0.73 of the time with its decoder packed, and 0.68 with
all else packed as well; but packed weights are a process's own, while plain ones are mapped and
shared. So only what is multiplied with few rows is packed.

Without AMX, packing for a single product of very many rows pays as well, and keeps nothing: the
products of a picture tower of BLIP's took 0.93 of the time with it for one picture, and 0.9 for
eight (Zen 5).

Where a picture tower of BLIP's applies GELU, it is applied as each product is written, instead of
by reading and writing all of it once more: two layers took 0.9 of the time for one picture (577
rows) and 0.6 for eight.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.blip.modeling_blip import BlipMLP

from imgcap.inference.devices import has_amx
from imgcap.inference.residency import let_go

FEW_ROWS = 32
"""Rows of a product up to which packing pays: the beams of a batch, one token each."""

MANY_ROWS = 512
"""Rows of a product from which on packing for it alone pays, without AMX."""


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
        elif isinstance(module, BlipMLP) and _is_bf16_gelu(module):
            module.forward = _Gelu(module)


def _is_bf16_gelu(layers: Any) -> bool:
    return bool(layers.config.hidden_act == "gelu" and layers.fc1.weight.dtype == torch.bfloat16)


class _Gelu:
    """The forward of BLIP's two layers with a GELU between them."""

    def __init__(self, layers: Any) -> None:
        self._layers = layers

    def __call__(self, hidden_states: Tensor) -> Tensor:
        layers, first = self._layers, self._layers.fc1
        if torch.is_grad_enabled() or hidden_states.dtype != torch.bfloat16:
            plain: Tensor = layers.fc2(layers.activation_fn(first(hidden_states)))
            return plain
        rows = hidden_states.numel() // first.in_features
        weights = _pack(first.weight, rows) if _pays_at_once(rows) else first.weight
        inner = _product(hidden_states, weights, first.bias, "gelu")
        product: Tensor = layers.fc2(inner)
        return product


class _Packed:
    """The forward of a linear layer."""

    def __init__(self, layer: nn.Linear) -> None:
        self._layer = layer
        self._weights: Tensor | None = None

    def __call__(self, input: Tensor) -> Tensor:  # noqa: A002  # as torch calls it
        layer, weights = self._layer, self._weights
        if torch.is_grad_enabled() or input.dtype != torch.bfloat16:
            return nn.functional.linear(input, layer.weight, layer.bias)
        rows = input.numel() // layer.in_features
        if weights is None and rows <= FEW_ROWS:
            weights = self._weights = _pack(layer.weight, rows)
            let_go(layer.weight)
        elif weights is None and _pays_at_once(rows):
            weights = _pack(layer.weight, rows)
        if weights is None:
            return nn.functional.linear(input, layer.weight, layer.bias)
        return _product(input, weights, layer.bias, "none")


def _pays_at_once(rows: int) -> bool:
    return rows >= MANY_ROWS and not has_amx()


def _pack(weights: Tensor, rows: int) -> Tensor:
    tools: Any = torch.ops.mkldnn
    packed: Tensor = tools._reorder_linear_weight(weights, rows)  # noqa: SLF001
    return packed


def _product(rows: Tensor, weights: Any, bias: Tensor | None, then: str) -> Tensor:
    tools: Any = torch.ops.mkldnn
    product: Tensor = tools._linear_pointwise(rows, weights, bias, then, [], "none")  # noqa: SLF001
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
