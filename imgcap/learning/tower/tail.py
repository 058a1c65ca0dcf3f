"""The last blocks of a picture tower, computed again and again from what the first ones made."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from imgcap.inference.embedder import normalise
from imgcap.inference.errors import EngineError

BLOCKS: Final = 3
"""So many blocks at the end of a tower learn; what the others make of a picture stays."""
_ATTENTION: Final = ("attn", "attention")
_FEWEST: Final = 16
"""Convolutions of fewer channels have a low rank as they are."""


@dataclass(frozen=True)
class Seen:
    """A batch of pictures halfway up a tower.

    Parameters
    ----------
    inputs : dict of torch.Tensor
        What the model takes, its pixels without content.
    hidden : torch.Tensor
        `(n, ...) float32`: what the first of the last blocks is given.
    embeddings : torch.Tensor
        `(n, dim) float32` unit vectors of the untouched model.
    """

    inputs: dict[str, Tensor]
    hidden: Tensor
    embeddings: Tensor


class Tail:
    """The last `BLOCKS` blocks of a zero-shot classifier's picture tower.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In float32, in evaluation mode, without gradients.

    Raises
    ------
    EngineError
        If the tower is no row of blocks with attention or pointwise convolutions.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        rows = [
            (name, module)
            for name, module in model.named_modules()
            if isinstance(module, nn.ModuleList) and name.startswith("vision_model.")
        ]
        if not rows:
            raise _unknown(model)
        self._name, blocks = max(rows, key=lambda row: len(row[1]))
        self._first = max(0, len(blocks) - BLOCKS)
        self.targets = self._targets(blocks)
        if not self.targets:
            raise _unknown(model)

    def see(self, inputs: Mapping[str, Tensor]) -> Seen:
        """Run the model as it is, and note what comes to the last blocks."""
        noted: list[Tensor] = []

        def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            noted.append(given[0] if given else named["hidden_states"])

        blocks = self.model.get_submodule(self._name)
        hook = blocks[self._first].register_forward_pre_hook(note, with_kwargs=True)
        try:
            with torch.no_grad():
                embeddings = self._embed(inputs)
        finally:
            hook.remove()
        # Of pixels only the shape is looked at from here on, which one value has as well.
        blank = torch.zeros(())
        kept = {
            name: blank.expand(value.shape) if name == "pixel_values" else value
            for name, value in inputs.items()
        }
        return Seen(kept, noted[0].clone(), embeddings)

    def embed(self, seen: Seen) -> Tensor:
        """Return `(n, dim) float32` unit vectors, with gradients to what learns in the tail."""
        with self._from(seen.hidden):
            return self._embed(seen.inputs)

    def _embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        output = self.model.get_image_features(**inputs)
        return normalise(getattr(output, "pooler_output", output))

    @contextlib.contextmanager
    def _from(self, hidden: Tensor) -> Iterator[None]:
        """Put what was noted in the place of the first blocks."""
        parent_name, _, name = self._name.rpartition(".")
        parent = self.model.get_submodule(parent_name)
        blocks = getattr(parent, name)
        setattr(parent, name, nn.ModuleList([_Noted(hidden), *blocks[self._first :]]))
        try:
            yield
        finally:
            setattr(parent, name, blocks)

    def _targets(self, blocks: nn.ModuleList) -> list[str]:
        """Name the attention's linear layers, or a convolutional tower's pointwise ones."""
        found = [
            (f"{self._name}.{place}.{name}", module)
            for place, block in enumerate(blocks)
            if place >= self._first
            for name, module in block.named_modules()
        ]
        linear = [
            name
            for name, module in found
            if type(module) is nn.Linear and any(word in name for word in _ATTENTION)
        ]
        return linear or [name for name, module in found if _is_pointwise(module)]


class _Noted(nn.Module):
    """A block that always gives the same."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self._hidden = hidden

    def forward(self, *_: object, **__: object) -> Tensor:
        return self._hidden


def _is_pointwise(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and module.groups == 1
        and min(module.in_channels, module.out_channels) >= _FEWEST
    )


def _unknown(model: PreTrainedModel) -> EngineError:
    kind = model.config.model_type
    return EngineError(f"There is no way to teach the picture tower of a model of type {kind}.")
