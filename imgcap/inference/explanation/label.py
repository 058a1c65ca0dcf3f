"""Why this label: which cells of the model's grid speak for it."""

from dataclasses import dataclass
from typing import Any

import torch

from imgcap.inference.errors import EngineError
from imgcap.inference.explanation.transformer import attribute
from imgcap.inference.loaded import Loaded


@dataclass(frozen=True)
class Attribution:
    """A map and what was found on the way.

    Parameters
    ----------
    grid : torch.Tensor
        `(rows, columns) float32`.
    embedding : torch.Tensor
        `(dim,) float32`, the picture's, not normalised.
    method : str
        How the grid was made, as a phrase for a person.
    """

    grid: torch.Tensor
    embedding: torch.Tensor
    method: str


def attribute_to_cells(
    loaded: Loaded, inputs: dict[str, torch.Tensor], direction: torch.Tensor, scale: float
) -> Attribution:
    """Attribute one picture's logit in a direction of the embedding space to its cells.

    Parameters
    ----------
    inputs : dict of torch.Tensor
        What the processor makes of the picture, on the model's device.
    direction : torch.Tensor
        `(dim,) float32`: what the logit is the dot product with, mostly a label's embedding less
        the mean of the others'.
    scale : float
        The model's own factor from cosine similarity to logit.

    Raises
    ------
    EngineError
        If the model is of a kind that cannot be explained.
    """
    vision = getattr(loaded.model, "vision_model", None)
    if getattr(getattr(vision, "config", None), "pooling_type", None) == "mean":
        return _from_mean_of_cells(loaded.model, inputs, direction, scale)
    found = attribute(loaded, inputs, direction, scale) if vision is not None else None
    if found is None:
        kind = loaded.model.config.model_type
        raise EngineError(
            f"Labels by {loaded.name} cannot be explained: there is no way to do so for models of "
            f"type {kind}."
        )
    grid, embedding = found
    return Attribution(grid, embedding, "transformer attribution (Chefer et al. 2021)")


def _from_mean_of_cells(
    model: Any, inputs: dict[str, torch.Tensor], direction: torch.Tensor, scale: float
) -> Attribution:
    """Split the logit of a tower that ends in a mean into what each cell adds to it, exactly.

    The embedding of such a tower (ALIGN's EfficientNet) is the mean of the cells' vectors, and
    the logit is linear in it once its length is known.
    """
    with torch.inference_mode():
        seen = model.vision_model(**inputs)
        cells = seen.last_hidden_state[0].float()
        embedding = seen.pooler_output[0].float()
        along = torch.einsum("drc,d->rc", cells, direction.to(cells.device))
        grid = scale * along / along.numel() / torch.linalg.vector_norm(embedding)
    return Attribution(grid.cpu(), embedding.cpu(), "exact contribution of each cell")
