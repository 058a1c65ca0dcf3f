"""Writing captions with BLIP's decoder, without the work that changes nothing.

`generate` of transformers stays in charge of the search; it only gets quicker steps. Against its
own, a step builds no masks where all may be seen, scores no token but the last, and reads a picture
once for all of its beams, as its encoder left it, without keys and values of its own in each layer.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, update_wrapper
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # its usual name
from transformers import BlipForConditionalGeneration
from transformers.modeling_outputs import CausalLMOutputWithCrossAttentions
from transformers.models.blip.modeling_blip import BlipAttention

from imgcap.inference.attention import attend

Score = Callable[[Tensor, Tensor, Any], Tensor]
"""From token ids, encoded pictures `(pictures, cells, width)` and the cache of earlier tokens to
the logits of what follows."""


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
        self._count = pictures
        self._score = score or partial(score_with_torch, decoder)
        self._pictures: Tensor | None = None

    def __call__(
        self, input_ids: Tensor, encoder_hidden_states: Tensor, past_key_values: Any, **_: Any
    ) -> CausalLMOutputWithCrossAttentions:
        if self._pictures is None:
            beams = len(encoder_hidden_states) // self._count
            self._pictures = encoder_hidden_states[::beams].contiguous()
        logits = self._score(input_ids, self._pictures, past_key_values)
        return CausalLMOutputWithCrossAttentions(logits=logits, past_key_values=past_key_values)


def score_with_torch(decoder: Any, input_ids: Tensor, pictures: Tensor, past: Any) -> Tensor:
    """Return `(rows, 1, vocabulary)` logits, and add the tokens to the cache."""
    bert = decoder.bert
    hidden = bert.embeddings(input_ids=input_ids, past_key_values_length=past.get_seq_length())
    for layer in bert.encoder.layer:
        hidden = _among_tokens(layer.attention, hidden, past)
        hidden = read_pictures(layer.crossattention, hidden, pictures)
        hidden = layer.feed_forward_chunk(hidden)
    return _tensor(decoder.cls(hidden[:, -1:]))


def read_pictures(attention: Any, hidden: Tensor, pictures: Tensor) -> Tensor:
    """Let captions read from their pictures, all tokens of one at once, since none hides another.

    A query's product with the keys `picture @ weights.mT` is that of `query @ weights` with the
    picture, and what is read of values can be projected after it was read (DeepSeek-AI,
    “DeepSeek-V2”, 2024, section 2.1.2): so no picture is projected, and all layers read the same
    cells. The keys' bias adds the same to all cells, which softmax takes away.

    Parameters
    ----------
    attention : BlipTextAttention
        That of a layer to its pictures.
    hidden : Tensor
        `(rows, tokens, width)`, the rows of one picture together.
    pictures : Tensor
        `(pictures, cells, width of a cell)`, of the dtype of the weights of keys and values.

    Returns
    -------
    Tensor
        `(rows, tokens, width)`.
    """
    own = attention.self
    heads, cell = own.num_attention_heads, pictures.shape[-1]
    to_key, to_value = (each.weight.unflatten(0, (heads, -1)) for each in (own.key, own.value))
    query = own.query(hidden).reshape(-1, heads, to_key.shape[1]).transpose(0, 1)
    query = (query * to_key.shape[1] ** -0.5).to(pictures.dtype) @ to_key
    query = query.transpose(0, 1).reshape(pictures.shape[0], -1, cell)
    # Plain products: torch's own attention took 31 ms a step for eight pictures, these take 7.
    weights = (query @ pictures.transpose(1, 2)).float().softmax(-1).to(pictures.dtype)
    read = (weights @ pictures).reshape(-1, heads, cell).transpose(0, 1) @ to_value.transpose(1, 2)
    read = read.transpose(0, 1).reshape(hidden.shape).to(hidden.dtype) + own.value.bias
    return _tensor(attention.output(read, hidden))


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
