"""Pictures and texts as vectors of one space; what was embedded once is remembered."""

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL import Image

from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel
from imgcap.inference.loaded import Loaded
from imgcap.inference.pixels import prepare

TEXT_CACHE = 20_000
"""Prompt embeddings kept; at 512 dimensions in float32 that is 41 MB."""

PICTURE_CACHE = 1_000
"""Picture embeddings kept."""

_TEXT_BATCH = 64


class _Cache:
    """A bounded map from keys to embeddings that forgets what was used longest ago."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, torch.Tensor] = OrderedDict()

    def get(self, key: str) -> torch.Tensor | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: str, value: torch.Tensor) -> None:
        self._entries[key] = value
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        self._entries.clear()


class Embedder:
    """Embeds with whatever checkpoint it is given; call it only while it is the models' turn."""

    def __init__(self) -> None:
        self._texts = _Cache(TEXT_CACHE)
        self._pictures = _Cache(PICTURE_CACHE)
        self._embedded_by: Callable[[], object] = _nobody

    def forget(self) -> None:
        """Forget all embeddings."""
        self._texts.clear()
        self._pictures.clear()

    def texts(
        self, loaded: Loaded, filled: Sequence[Sequence[str]], cancel: Cancel | None
    ) -> torch.Tensor:
        """Return `(n_labels, dim)` float32 unit vectors, encoding only prompts not yet known."""
        self._forget_others(loaded.model)
        wanted = dict.fromkeys(prompt for row in filled for prompt in row)
        known = {prompt: self._texts.get(prompt) for prompt in wanted}
        new = [prompt for prompt, vector in known.items() if vector is None]
        for start in range(0, len(new), _TEXT_BATCH):
            check(cancel)
            batch = new[start : start + _TEXT_BATCH]
            for prompt, vector in zip(batch, _encode_texts(loaded, batch), strict=True):
                known[prompt] = vector
                self._texts.put(prompt, vector)
        means = [torch.stack([_found(known[prompt]) for prompt in row]).mean(0) for row in filled]
        return normalise(torch.stack(means))

    def pictures(self, loaded: Loaded, images: Sequence[Image.Image]) -> torch.Tensor:
        """Return `(n_images, dim)` float32 unit vectors, encoding only pictures not yet known.

        A picture is known by the pixels that the model sees, so that an edited picture is never
        taken for its original.
        """
        self._forget_others(loaded.model)
        inputs = prepare(loaded.processor, images)
        keys = [_digest(inputs, row) for row in range(len(images))]
        known = {key: self._pictures.get(key) for key in keys}
        new = [keys.index(key) for key, vector in known.items() if vector is None]
        if new:
            part = moved({name: value[new] for name, value in inputs.items()}, loaded)
            with torch.inference_mode():
                output = (loaded.quick or loaded.model.get_image_features)(**part)
            for row, vector in zip(new, normalise(_pooled(output)).cpu(), strict=True):
                known[keys[row]] = vector
                self._pictures.put(keys[row], vector)
        return torch.stack([_found(known[key]) for key in keys])

    def _forget_others(self, model: Any) -> None:
        """Forget what another model embedded: an adapter may have changed its layers since."""
        if self._embedded_by() is not model:
            self.forget()
            self._embedded_by = weakref.ref(model)


def moved(inputs: Mapping[str, torch.Tensor], loaded: Loaded) -> dict[str, torch.Tensor]:
    """Return inputs on the model's device, and what is not whole numbers in its dtype."""
    return {
        name: value.to(loaded.device, loaded.dtype if value.is_floating_point() else None)
        for name, value in inputs.items()
    }


def _encode_texts(loaded: Loaded, texts: Sequence[str]) -> torch.Tensor:
    """Return `(n, dim)` float32 unit vectors of texts, each cut to what the model can read."""
    config = loaded.model.config
    longest = int(getattr(config.text_config, "max_position_embeddings", 77))
    inputs = loaded.processor(
        text=list(texts),
        # SigLIP pools the last position and was trained on padded text: padding is input to it.
        padding="max_length" if config.model_type.startswith("siglip") else "longest",
        truncation=True,
        max_length=min(longest, int(loaded.processor.tokenizer.model_max_length)),
        return_tensors="pt",
    )
    part = {name: value.to(loaded.device) for name, value in inputs.items()}
    with torch.inference_mode():
        return normalise(_pooled(loaded.model.get_text_features(**part))).cpu()


def _pooled(output: Any) -> torch.Tensor:
    pooled: torch.Tensor = getattr(output, "pooler_output", output)
    return pooled.float()


def normalise(vectors: torch.Tensor) -> torch.Tensor:
    """Return vectors of length 1."""
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    unit: torch.Tensor = vectors / lengths.clamp_min(torch.finfo(vectors.dtype).tiny)
    return unit


def _digest(inputs: Mapping[str, torch.Tensor], row: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for value in inputs.values():
        digest.update(value[row].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _nobody() -> None:
    return None


def _found(vector: torch.Tensor | None) -> torch.Tensor:
    if vector is None:
        raise RuntimeError("An embedding was not computed.")
    return vector


def check(cancel: Cancel | None) -> None:
    """Raise `CancelledError` if the caller wants no answer any more."""
    if cancel is not None and cancel():
        raise CancelledError
