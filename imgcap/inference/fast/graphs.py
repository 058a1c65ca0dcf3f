"""The parts of a model that OpenVINO computes, as modules that can be traced."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # its usual name

from imgcap.inference.decoding import merge_heads, read_pictures, split_heads


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
        self, input_ids: Tensor, pictures: Tensor, past: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Score what follows.

        Parameters
        ----------
        input_ids : Tensor
            `(rows, tokens)`, the rows of one picture together.
        pictures : Tensor
            `(pictures, cells, width)`, encoded.
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
        for layer, old_keys, old_values in zip(
            bert.encoder.layer, past[::2], past[1::2], strict=True
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
            hidden = read_pictures(layer.crossattention, hidden, pictures)
            hidden = layer.feed_forward_chunk(hidden)
        return (self.decoder.cls(hidden[:, -1:]), *made)
