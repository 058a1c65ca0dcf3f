"""What the stages of an answer have to do at least, and what the machine can do.

Counted are the products of linear layers, patches and attention, which is nearly all; a
multiplication and an addition are two operations.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

_SQUARES: Final = 1024, 2048
_REPEATS: Final = 5
_BUFFER: Final = 2**30  # bytes; far more than caches keep


@dataclass(frozen=True)
class Work:
    """What one call of a part has to do.

    Parameters
    ----------
    flop : float
        Floating-point operations.
    shape : tuple of int
        Rows, inner and outer width of the product that most of it consists of.
    read : float
        Bytes of weights and remembered keys that each call reads.
    """

    flop: float
    shape: tuple[int, int, int]
    read: float


def tower(model: nn.Module, config: Any, rows: int, length: int) -> Work:
    """Return the work of an encoder on so many tokens, in texts or pictures of equal length."""
    weights = _weights(model)
    attention = 4 * rows * length * config.hidden_size * config.num_hidden_layers
    size = next(model.parameters()).element_size()
    shape = rows, config.hidden_size, config.intermediate_size
    return Work(2 * rows * weights + attention, shape, size * weights)


def patches(config: Any) -> int:
    """Return how many tokens a vision tower makes of a picture."""
    return int(config.image_size // config.patch_size) ** 2 + 1


def caption_steps(decoder: Any, seen: int) -> tuple[Work, Work]:
    """Return the work of the first step of a caption and of each later one.

    The first also computes the keys and values of what the decoder sees; later ones read them.
    """
    config = decoder.config
    to_picture = sum(
        _weights(layer.crossattention.self.key) + _weights(layer.crossattention.self.value)
        for layer in decoder.bert.encoder.layer
    )
    weights = _weights(decoder) - to_picture
    remembered = 2 * seen * config.hidden_size * config.num_hidden_layers
    size = next(decoder.parameters()).element_size()
    step = 2 * weights + 2 * remembered
    first = Work(
        step + 2 * seen * to_picture,
        (seen, config.hidden_size, config.hidden_size),
        size * (weights + to_picture),
    )
    shape = 1, config.hidden_size, config.intermediate_size
    return first, Work(step, shape, size * (weights + remembered))


def peak(dtype: torch.dtype) -> float:
    """Return the operations a second of the best product of two square matrices."""
    return max(product(dtype, (side, side, side)) for side in _SQUARES)


def product(dtype: torch.dtype, shape: tuple[int, int, int]) -> float:
    """Return the operations a second of a product of rows with a layer's weights."""
    rows, inner, outer = shape
    left, weights = torch.ones(rows, inner, dtype=dtype), torch.ones(outer, inner, dtype=dtype)
    with torch.inference_mode():
        return 2 * rows * inner * outer / _clocked(lambda: nn.functional.linear(left, weights))


def memory() -> float:
    """Return the bytes a second that a copy reads and writes."""
    source = torch.ones(_BUFFER // 4)
    target = torch.empty_like(source)
    return 2 * _BUFFER / _clocked(lambda: target.copy_(source))


def _clocked(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def _weights(part: nn.Module) -> int:
    products = (each for each in part.modules() if isinstance(each, nn.Linear | nn.Conv2d))
    return sum(each.weight.numel() for each in products)
