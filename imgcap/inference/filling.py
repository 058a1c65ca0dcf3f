"""Filling a model straight from a file whose tensors are exactly its own.

transformers prepares for every way in which names may have changed since a file was written, which
for the embedded checkpoints takes longer than reading them (0.55 s of 0.7 s for both).
"""

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from transformers import initialization

from imgcap.inference.folders import GENERATION, WEIGHTS, Location


def fill(auto: Any, config: Any, location: Location, dtype: torch.dtype) -> Any | None:
    """Return a model with its weights, or None if the file's names or shapes are not the model's.

    Parameters
    ----------
    auto : type
        The auto class of the model's role.
    config : transformers.PretrainedConfig
        Of an architecture that the auto class knows.
    location : Location
        Where the checkpoint is.
    dtype : torch.dtype
        Of all weights that are not whole numbers.
    """
    file = location.weights / WEIGHTS
    skip_first_values = getattr(initialization, "no_init_weights", None)
    if skip_first_values is None or not file.is_file():
        return None
    for part in (config, *(getattr(config, name) for name in config.sub_configs)):
        part.dtype = dtype
    # Memory that nothing is written to is not taken, so that what is replaced costs nothing.
    with skip_first_values():
        model = auto._model_mapping[type(config)](config)  # noqa: SLF001  # as in `load`
    tensors = _read(file, dtype)
    own = model.state_dict()
    tied = own.keys() - tensors.keys() & model.all_tied_weights_keys.keys()
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != {name: own[name].shape for name in own.keys() - tied}:
        return None
    model.load_state_dict(tensors, strict=False, assign=True)
    model.tie_weights()
    if model.can_generate() and (location.folder / GENERATION).is_file():
        model.generation_config = transformers.GenerationConfig.from_pretrained(location.folder)
    return model


def _read(file: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    with safe_open(file, framework="pt") as weights:
        tensors = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    # What is not converted is copied, unless nothing is: one tensor keeps the whole file in memory.
    if all(tensor.dtype == dtype for tensor in tensors.values() if tensor.is_floating_point()):
        return tensors
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor.clone()
        for name, tensor in tensors.items()
    }
