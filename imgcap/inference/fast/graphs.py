"""The parts of a model that OpenVINO computes, as modules that can be traced."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # its usual name

from imgcap.inference.decoding import merge_heads, split_heads


class Tower(nn.Module):
    """A classifier's picture tower: `(n, 3, height, width)` pixels to `(n, dim)` embeddings."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Embed pixels; the embeddings have no particular length."""
        output = self.model.get_image_features(pixel_values=pixel_values)
        embedding: Tensor = getattr(output, "pooler_output", output)
        return embedding


class Step(nn.Module):
    """One step of a BLIP-like text decoder, with all that it remembers as inputs and outputs.

    Parameters
    ----------
    decoder : BlipTextLMHeadModel
        In evaluation mode.
    """

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, input_ids: Tensor, seen: Sequence[Tensor], past: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Score what follows.

        Parameters
        ----------
        input_ids : Tensor
            `(rows, tokens)`, the rows of one picture together.
        seen : sequence of Tensor
            Of each layer the pictures' keys and values, `(pictures, heads, cells, width)`.
        past : sequence of Tensor
            Of each layer the keys and values of earlier tokens, `(rows, heads, earlier, width)`.

        Returns
        -------
        tuple of Tensor
            `(rows, 1, vocabulary)` logits of what follows the last token; then of each layer the
            keys and values of these tokens.
        """
        bert = self.decoder.bert
        earlier, tokens = past[0].shape[2], input_ids.shape[1]
        embed = bert.embeddings
        places = embed.position_embeddings(torch.arange(earlier, earlier + tokens))
        hidden = embed.LayerNorm(embed.word_embeddings(input_ids) + places.unsqueeze(0))
        may_see = torch.ones(tokens, earlier + tokens, dtype=torch.bool).tril(earlier)
        made: list[Tensor] = []
        for layer, keys, values, old_keys, old_values in zip(
            bert.encoder.layer, seen[::2], seen[1::2], past[::2], past[1::2], strict=True
        ):
            own = layer.attention.self
            query, key, value = (
                split_heads(project(hidden), own.num_attention_heads)
                for project in (own.query, own.key, own.value)
            )
            made += [key, value]
            read = F.scaled_dot_product_attention(
                query,
                torch.cat([old_keys, key], 2),
                torch.cat([old_values, value], 2),
                attn_mask=may_see,
            )
            hidden = layer.attention.output(merge_heads(read), hidden)
            hidden = _to_picture(layer.crossattention, hidden, keys, values)
            hidden = layer.feed_forward_chunk(hidden)
        return (self.decoder.cls(hidden[:, -1:]), *made)


def _to_picture(attention: Any, hidden: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Read from a picture: all tokens of its captions at once, since none hides another."""
    together = hidden.reshape(keys.shape[0], -1, hidden.shape[-1])
    query = split_heads(attention.self.query(together), attention.self.num_attention_heads)
    query = (query * query.shape[-1] ** -0.5).to(keys.dtype)
    # Plain products: OpenVINO 2026.4's own attention would lay the keys out anew for each token.
    chances = (query @ keys.transpose(2, 3)).float().softmax(-1)
    read = merge_heads((chances.to(values.dtype) @ values).float())
    output: Tensor = attention.output(read.reshape(hidden.shape), hidden)
    return output
