"""Writing captions with BLIP's decoder, without the work that changes nothing.

`generate` of transformers stays in charge of the search; it only gets quicker steps. Against its
own, a step builds no masks where all may be seen, scores no token but the last, and keeps the keys
and values of a picture once instead of once a beam, so that reordering beams does not copy them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial, update_wrapper
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # its usual name
from transformers import BlipForConditionalGeneration
from transformers.modeling_outputs import CausalLMOutputWithCrossAttentions
from transformers.models.blip.modeling_blip import BlipAttention

from imgcap.inference.attention import attend

Seen = Sequence[tuple[Tensor, Tensor]]
"""Of each layer the keys and values of pictures, `(pictures, heads, cells, width)`."""

Score = Callable[[Tensor, Seen, Any], Tensor]
"""From token ids, `Seen` and the cache of earlier tokens to the logits of what follows."""


@contextmanager
def quick_steps(model: Any, pictures: int, score: Score | None = None) -> Iterator[None]:
    """Let a model that is BLIP-like generate quickly; leave any other as it is.

    Every caption of a call must begin with equally many tokens.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Whoever uses it in another thread meanwhile would meet these steps as well.
    pictures : int
        How many are captioned at once.
    score : callable, optional
        Computes a step of this model's decoder in another way than torch.
    """
    with ExitStack() as stack:
        if isinstance(model, BlipForConditionalGeneration):
            step = _Step(model.text_decoder, pictures, score)
            stack.enter_context(_forward(model.text_decoder, step))
            for module in model.vision_model.modules():
                if isinstance(module, BlipAttention):
                    stack.enter_context(_forward(module, partial(_attend, module)))
        yield


@contextmanager
def _forward(module: nn.Module, forward: Any) -> Iterator[None]:
    update_wrapper(forward, type(module).forward)  # generate asks which arguments there are
    module.forward = forward
    try:
        yield
    finally:
        del module.forward


def _attend(module: Any, hidden_states: Tensor, **_: Any) -> tuple[Tensor, None]:
    """Attend as `BlipAttention` does, but in one operation that keeps no weights."""
    query, key, value = split_heads(module.qkv(hidden_states), 3 * module.num_heads).chunk(3, 1)
    return module.projection(merge_heads(attend(query, key, value))), None


class _Step:
    """One step of the text decoder, for as long as one call of `generate` lasts.

    Parameters
    ----------
    decoder : BlipTextLMHeadModel
        In evaluation mode.
    pictures : int
        How many are captioned at once; rows of one picture stand together.
    """

    def __init__(self, decoder: Any, pictures: int, score: Score | None) -> None:
        self._decoder = decoder
        self._pictures = pictures
        self._score = score
        self._seen: Seen = ()

    def __call__(
        self, input_ids: Tensor, encoder_hidden_states: Tensor, past_key_values: Any, **_: Any
    ) -> CausalLMOutputWithCrossAttentions:
        if not self._seen:
            rows = encoder_hidden_states[:: len(encoder_hidden_states) // self._pictures]
            self._seen = see(self._decoder, rows)
        score = self._score or partial(score_with_torch, self._decoder)
        logits = score(input_ids, self._seen, past_key_values)
        return CausalLMOutputWithCrossAttentions(logits=logits, past_key_values=past_key_values)


def see(decoder: Any, pictures: Tensor) -> Seen:
    """Return what each layer reads of `(pictures, cells, width)` encoded pictures, laid out so."""
    layers = (layer.crossattention.self for layer in decoder.bert.encoder.layer)
    # One after the other, so that the memory of each product serves the next as well.
    return [
        (
            split_heads(own.key(pictures), own.num_attention_heads).contiguous(),
            split_heads(own.value(pictures), own.num_attention_heads).contiguous(),
        )
        for own in layers
    ]


def score_with_torch(decoder: Any, input_ids: Tensor, seen: Seen, past: Any) -> Tensor:
    """Return `(rows, 1, vocabulary)` logits, and add the tokens to the cache."""
    bert = decoder.bert
    hidden = bert.embeddings(input_ids=input_ids, past_key_values_length=past.get_seq_length())
    for layer, (key, value) in zip(bert.encoder.layer, seen, strict=True):
        hidden = _among_tokens(layer.attention, hidden, past)
        hidden = _to_picture(layer.crossattention, hidden, key, value)
        hidden = layer.feed_forward_chunk(hidden)
    return _tensor(decoder.cls(hidden[:, -1:]))


def _to_picture(attention: Any, hidden: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Read from a picture: all tokens of its captions at once, since none hides another."""
    together = hidden.reshape(len(key), -1, hidden.shape[-1])
    query = split_heads(attention.self.query(together), attention.self.num_attention_heads)
    read = merge_heads(F.scaled_dot_product_attention(query, key, value))
    return _tensor(attention.output(read.reshape(hidden.shape), hidden))


def _among_tokens(attention: Any, hidden: Tensor, past: Any) -> Tensor:
    """Read from the caption's own tokens up to each."""
    own = attention.self
    query, key, value = (
        split_heads(project(hidden), own.num_attention_heads)
        for project in (own.query, own.key, own.value)
    )
    first = past.get_seq_length(own.layer_idx) == 0
    key, value = past.update(key, value, own.layer_idx)
    read = F.scaled_dot_product_attention(query, key, value, is_causal=first)
    return _tensor(attention.output(merge_heads(read), hidden))


def split_heads(vectors: Tensor, heads: int) -> Tensor:
    """Split `(n, tokens, width)` to `(n, heads, tokens, width / heads)`."""
    return vectors.reshape(*vectors.shape[:-1], heads, -1).transpose(1, 2)


def merge_heads(heads: Tensor) -> Tensor:
    """Undo `split_heads`."""
    return heads.transpose(1, 2).flatten(2)


def _tensor(value: Any) -> Tensor:
    tensor: Tensor = value
    return tensor
