"""Zero-shot classification: pictures against candidate labels, in a shared embedding space."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from imgcap.inference.loading import Loader
from imgcap.inference.pretrained import Loaded, answering
from imgcap.inference.results import (
    Cancel,
    CancelledError,
    Classification,
    ClassifyOptions,
    ModelError,
    Prediction,
    Progress,
)
from imgcap.labels import check_labels, prompts

TEXT_CACHE = 20_000
"""Prompt embeddings kept; at 512 dimensions in float32 that is 41 MB."""

PICTURE_CACHE = 1_000
"""Picture embeddings kept."""

NEUTRAL_PROMPTS = ("a photo", "a picture", "a photo of something")
"""What an independent label is weighed against by models trained with a softmax."""

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


class Classifier:
    """Scores pictures against labels with one checkpoint; embeddings are computed once.

    Parameters
    ----------
    loader : Loader
        Gives the model when it is first needed.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._texts = _Cache(TEXT_CACHE)
        self._pictures = _Cache(PICTURE_CACHE)

    def classify(
        self,
        images: Sequence[Image.Image],
        labels: Sequence[str],
        options: ClassifyOptions,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[Classification]:
        """Score every picture against every label.

        The logits are the model's own: cosine similarity times its trained scale, plus its bias
        where it has one. Scores are their softmax over the labels, whatever the training loss
        was. With `options.independent` each label is scored by itself: by the sigmoid that
        SigLIP-like models were trained with, and for models trained with a softmax by the
        sigmoid of the distance between the label's logit and that of a prompt that names nothing,
        since their logits have no zero point of their own.

        Parameters
        ----------
        images : sequence of PIL.Image.Image
            RGB pictures of any size.
        labels : sequence of str
            Distinct candidate labels.

        Returns
        -------
        list of Classification
            One for each picture, in order.

        Raises
        ------
        LabelError
            If the labels or a template cannot be used.
        ModelError
            If the checkpoint cannot be loaded.
        CancelledError
            If `cancel` said so; it is asked before each batch.
        """
        labels = check_labels(labels)
        filled = [prompts(label, options.templates) for label in labels]
        loaded = self._loader.get(cancel)
        with answering(loaded.name):
            texts = self._label_embeddings(loaded, filled, cancel)
            baseline = None
            if options.independent and not _has_bias(loaded.model):
                baseline = self._label_embeddings(loaded, [NEUTRAL_PROMPTS], cancel)
        results: list[Classification] = []
        for start in range(0, len(images), options.batch_size):
            _check(cancel)
            batch = images[start : start + options.batch_size]
            begun = time.perf_counter()
            with answering(loaded.name):
                pictures = self._picture_embeddings(loaded, batch)
                scores = _scores(loaded.model, pictures, texts, baseline, options)
            ms = 1000 * (time.perf_counter() - begun) / len(batch)
            results += [
                Classification(
                    _rank(labels, row), options.independent, loaded.name, ms, loaded.revision
                )
                for row in scores
            ]
            if progress:
                progress(len(results), len(images))
        return results

    def close(self) -> None:
        """Forget all embeddings."""
        with answering(self._loader.name):
            self._texts.clear()
            self._pictures.clear()

    def _label_embeddings(
        self, loaded: Loaded, filled: Sequence[Sequence[str]], cancel: Cancel | None
    ) -> torch.Tensor:
        """Return `(n_labels, dim)` float32 unit vectors, encoding only prompts not yet known."""
        wanted = dict.fromkeys(prompt for row in filled for prompt in row)
        known = {prompt: self._texts.get(prompt) for prompt in wanted}
        new = [prompt for prompt, vector in known.items() if vector is None]
        for start in range(0, len(new), _TEXT_BATCH):
            _check(cancel)
            batch = new[start : start + _TEXT_BATCH]
            for prompt, vector in zip(batch, _encode_texts(loaded, batch), strict=True):
                known[prompt] = vector
                self._texts.put(prompt, vector)
        means = [torch.stack([_found(known[prompt]) for prompt in row]).mean(0) for row in filled]
        return _normalise(torch.stack(means))

    def _picture_embeddings(self, loaded: Loaded, images: Sequence[Image.Image]) -> torch.Tensor:
        """Return `(n_images, dim)` float32 unit vectors, encoding only pictures not yet known.

        A picture is known by the pixels that the model sees, so that an edited picture is never
        taken for its original.
        """
        inputs = loaded.processor(images=list(images), return_tensors="pt")
        keys = [_digest(inputs, row) for row in range(len(images))]
        known = {key: self._pictures.get(key) for key in keys}
        new = [keys.index(key) for key, vector in known.items() if vector is None]
        if new:
            part = {
                name: value[new].to(loaded.device, loaded.dtype)
                if value.is_floating_point()
                else value[new].to(loaded.device)
                for name, value in inputs.items()
            }
            with torch.inference_mode():
                output = loaded.model.get_image_features(**part)
            for row, vector in zip(new, _normalise(_pooled(output)).cpu(), strict=True):
                known[keys[row]] = vector
                self._pictures.put(keys[row], vector)
        return torch.stack([_found(known[key]) for key in keys])


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
        return _normalise(_pooled(loaded.model.get_text_features(**part))).cpu()


def _scores(
    model: Any,
    pictures: torch.Tensor,
    texts: torch.Tensor,
    baseline: torch.Tensor | None,
    options: ClassifyOptions,
) -> list[list[float]]:
    """Return `(n_images, n_labels)` scores in 0..1."""
    scale, bias = _scale_and_bias(model)
    logits = scale * (pictures @ texts.T) + bias
    if not options.independent:
        scores = logits.double().softmax(dim=-1)
    elif baseline is None:
        scores = logits.double().sigmoid()
    else:
        scores = (logits - scale * (pictures @ baseline.T)).double().sigmoid()
    rows: list[list[float]] = scores.tolist()
    return rows


def _scale_and_bias(model: Any) -> tuple[float, float]:
    if hasattr(model, "temperature"):  # ALIGN
        return 1 / float(model.temperature), 0.0
    if not hasattr(model, "logit_scale"):
        raise ModelError(f"A {model.config.model_type} model cannot be used as a classifier.")
    bias = float(model.logit_bias) if _has_bias(model) else 0.0
    return float(model.logit_scale.float().exp()), bias


def _has_bias(model: Any) -> bool:
    return hasattr(model, "logit_bias")


def _pooled(output: Any) -> torch.Tensor:
    pooled: torch.Tensor = getattr(output, "pooler_output", output)
    return pooled.float()


def _normalise(vectors: torch.Tensor) -> torch.Tensor:
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    unit: torch.Tensor = vectors / lengths.clamp_min(torch.finfo(vectors.dtype).tiny)
    return unit


def _digest(inputs: Any, row: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for value in inputs.values():
        digest.update(value[row].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _rank(labels: Sequence[str], scores: Sequence[float]) -> tuple[Prediction, ...]:
    pairs = sorted(zip(labels, scores, strict=True), key=lambda pair: -pair[1])
    return tuple(Prediction(label, score) for label, score in pairs)


def _found(vector: torch.Tensor | None) -> torch.Tensor:
    if vector is None:
        raise RuntimeError("An embedding was not computed.")
    return vector


def _check(cancel: Cancel | None) -> None:
    if cancel is not None and cancel():
        raise CancelledError
