"""Transformer attribution: what of a vision transformer's grid went into its embedding.

Chefer, Gur and Wolf 2021, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers" (arXiv:2103.15679): each layer's attention times the gradient of the
logit with respect to it, without what is negative and averaged over the heads, is rolled out over
the layers from a relevance of the identity.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from imgcap.inference.loaded import Loaded


def attribute(
    loaded: Loaded, inputs: dict[str, torch.Tensor], direction: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return the `(rows, columns)` relevance and the `(dim,)` embedding of one picture.

    The relevance is at least 0: the method tells what speaks for the logit, not what against it.
    None if the model has neither a class token nor a pooling head that attends to its grid.
    """
    vision = loaded.model.vision_model
    has_class_token = hasattr(getattr(vision, "embeddings", None), "class_embedding")
    head = getattr(getattr(vision, "head", None), "attention", None)
    if not has_class_token and not isinstance(head, nn.MultiheadAttention):
        return None
    pixels = inputs["pixel_values"].detach().clone().requires_grad_()
    with _eager(vision), _opened(None if has_class_token else head) as pooling, torch.enable_grad():
        output = loaded.model.get_image_features(
            **inputs | {"pixel_values": pixels}, output_attentions=True
        )
        embedding = output.pooler_output[0].float()
        attentions = [*output.attentions, *pooling]
        unit = embedding / torch.linalg.vector_norm(embedding)
        logit = scale * unit @ direction.to(unit.device)
        gradients = torch.autograd.grad(logit, attentions)
    weighed = [
        (gradient.float() * attention.detach().float()).clamp(min=0)[0].mean(0)
        for gradient, attention in zip(gradients, attentions, strict=True)
    ]
    if has_class_token:
        relevance = _rolled_out(weighed)[0, 1:]
    else:
        relevance = (weighed[-1] @ _rolled_out(weighed[:-1]))[0]
    rows, columns = _grid(inputs, relevance.numel())
    grid = relevance[: rows * columns].reshape(rows, columns)
    return grid.cpu(), embedding.detach().cpu()


def _rolled_out(layers: list[torch.Tensor]) -> torch.Tensor:
    """Return how much each token of the last layer owes to each of the first (equation 6)."""
    relevance = torch.eye(layers[0].shape[-1], device=layers[0].device)
    for layer in layers:
        relevance = relevance + layer @ relevance
    return relevance


def _grid(inputs: dict[str, torch.Tensor], tokens: int) -> tuple[int, int]:
    """Return rows and columns; SigLIP 2 gives each picture a grid of its own shape, and padding."""
    if "spatial_shapes" in inputs:
        rows, columns = inputs["spatial_shapes"][0].tolist()
        return int(rows), int(columns)
    height, width = inputs["pixel_values"].shape[-2:]
    rows = round((tokens * height / width) ** 0.5)
    return rows, tokens // rows


@contextlib.contextmanager
def _eager(vision: Any) -> Iterator[None]:
    """Let a tower compute its attention step by step, as only then there are weights to read."""
    before = vision.config._attn_implementation  # noqa: SLF001  # there is no public way to ask
    if before == "eager":
        yield
        return
    vision.set_attn_implementation("eager")
    try:
        yield
    finally:
        vision.set_attn_implementation(before)


@contextlib.contextmanager
def _opened(attention: nn.MultiheadAttention | None) -> Iterator[list[torch.Tensor]]:
    """Collect the weights with which a pooling head attends, each head by itself.

    torch's module only tells their mean, which the result does not depend on.
    """
    weights: list[torch.Tensor] = []

    def attend(
        module: nn.MultiheadAttention, args: tuple[torch.Tensor, ...], kwargs: Any, _: Any
    ) -> tuple[torch.Tensor, None]:
        probe, tokens, _ = args
        query, key, value = (
            nn.functional.linear(vectors, weight, bias).reshape(
                *vectors.shape[:2], module.num_heads, -1
            )
            for vectors, weight, bias in zip(
                (probe, tokens, tokens),
                module.in_proj_weight.chunk(3),
                module.in_proj_bias.chunk(3),
                strict=True,
            )
        )
        scores = torch.einsum("nqhd,nkhd->nhqk", query, key) / module.head_dim**0.5
        mask = kwargs.get("attn_mask")
        if mask is not None:
            scores = scores + mask.reshape(scores.shape)
        weights.append(scores.softmax(-1))
        read = torch.einsum("nhqk,nkhd->nqhd", weights[-1], value).flatten(2)
        return module.out_proj(read), None

    if attention is None:
        yield weights
        return
    hook = attention.register_forward_hook(attend, with_kwargs=True)
    try:
        yield weights
    finally:
        hook.remove()
