"""Zero-shot classification: pictures against candidate labels, in a shared embedding space."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from imgcap.inference.calibration import usable_calibration
from imgcap.inference.embedder import Embedder, check, moved, normalise
from imgcap.inference.errors import EngineError, ModelError
from imgcap.inference.events import Cancel, Progress
from imgcap.inference.explanation.label import attribute_to_cells
from imgcap.inference.explanation.placing import covered
from imgcap.inference.label_weights import Weights
from imgcap.inference.loaded import Loaded, answering, width
from imgcap.inference.loading import Loader
from imgcap.inference.pixels import prepare
from imgcap.inference.relevance import Relevance
from imgcap.inference.results import Classification, ClassifyOptions, Prediction
from imgcap.labels import check_labels, prompts

NEUTRAL_PROMPTS = ("a photo", "a picture", "a photo of something")
"""What an independent label is weighed against by models trained with a softmax."""

_PICTURE_BATCH = 8


class Classifier:
    """Scores pictures against labels with one checkpoint; embeddings are computed once.

    Parameters
    ----------
    loader : Loader
        Gives the model when it is first needed.
    calibrations : Path
        The folder of what is known on how sure it may be.
    """

    def __init__(self, loader: Loader, calibrations: Path) -> None:
        self._loader = loader
        self._calibrations = calibrations
        self._embedder = Embedder()

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
        was, at the temperature that feedback has taught, if it has. With `options.independent` each
        label is scored by itself: by the sigmoid that SigLIP-like models were trained with, and for
        models trained with a softmax by the sigmoid of the distance between the label's logit and
        that of a prompt that names nothing, since their logits have no zero point of their own.

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
        taught = loaded.adapter.weights if loaded.adapter else None
        revision = loaded.revision
        calibration = usable_calibration(self._calibrations, loaded.name, revision)
        threshold = options.none_threshold
        if threshold is None:
            threshold = calibration.none_threshold
        with answering(loaded):
            texts, baseline = self._questions(loaded, filled, options, cancel)
        texts = _moved(texts, labels, taught)
        results: list[Classification] = []
        for start in range(0, len(images), options.batch_size):
            check(cancel)
            batch = images[start : start + options.batch_size]
            begun = time.perf_counter()
            with answering(loaded, len(batch)):
                pictures = self._embedder.pictures(loaded, batch)
                temperature = calibration.temperature
                added = _added(pictures, labels, taught)
                scores = _scores(
                    loaded.model, pictures, texts, baseline, options, temperature, added
                )
            ms = 1000 * (time.perf_counter() - begun) / len(batch)
            results += [
                Classification(
                    _rank(labels, row),
                    options.independent,
                    loaded.name,
                    ms,
                    revision,
                    calibration.temperature,
                    threshold,
                )
                for row in scores
            ]
            if progress:
                progress(len(results), len(images))
        return results

    def embed(
        self,
        images: Sequence[Image.Image],
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> torch.Tensor:
        """Return `(n_images, dim)` float32 unit vectors; raises as `classify` does."""
        loaded = self._loader.get(cancel)
        rows = [torch.empty(0, width(loaded.model))]
        for start in range(0, len(images), _PICTURE_BATCH):
            check(cancel)
            batch = images[start : start + _PICTURE_BATCH]
            with answering(loaded, len(batch)):
                rows.append(self._embedder.pictures(loaded, batch))
            if progress:
                progress(start + len(batch), len(images))
        return torch.cat(rows)

    def embed_texts(self, texts: Sequence[str], *, cancel: Cancel | None = None) -> torch.Tensor:
        """Return `(n_texts, dim)` float32 unit vectors of texts without any template."""
        loaded = self._loader.get(cancel)
        if not texts:
            return torch.empty(0, width(loaded.model))
        with answering(loaded):
            return self._embedder.texts(loaded, [(text,) for text in texts], cancel)

    def explain(
        self,
        image: Image.Image,
        label: str,
        labels: Sequence[str],
        options: ClassifyOptions,
        *,
        cancel: Cancel | None = None,
    ) -> Relevance:
        """Attribute a label's logit to the cells of the model's grid.

        What is attributed is the difference between the logit of the label and the mean logit of
        the other candidates, so that what speaks for all of them alike cancels. An independent
        label is compared with what it is weighed against in `classify`: a prompt that names
        nothing, or, by models with a bias, the zero point of their logits.

        Raises
        ------
        EngineError
            If the label is not a candidate, or the model is of a kind that cannot be explained.
        LabelError, ModelError, CancelledError
            As `classify` does.
        """
        labels, [label] = check_labels(labels), check_labels([label])
        if label not in labels:
            raise EngineError(f"“{label}” is not among the candidate labels.")
        filled = [prompts(candidate, options.templates) for candidate in labels]
        row = labels.index(label)
        loaded = self._loader.get(cancel)
        begun = time.perf_counter()
        with answering(loaded):
            texts, baseline = self._questions(loaded, filled, options, cancel)
            taught = loaded.adapter.weights if loaded.adapter else None
            texts = _moved(texts, labels, taught)
            check(cancel)
            inputs = prepare(loaded.processor, [image])
            against = baseline[0] if baseline is not None else torch.zeros_like(texts[row])
            if not options.independent and len(labels) > 1:
                against = (texts.sum(0) - texts[row]) / (len(labels) - 1)
            scale, _ = _scale_and_bias(loaded.model)
            found = attribute_to_cells(loaded, moved(inputs, loaded), texts[row] - against, scale)
            picture = normalise(found.embedding.unsqueeze(0))
            calibration = usable_calibration(self._calibrations, loaded.name, loaded.revision)
            temperature = calibration.temperature
            added = _added(picture, labels, taught)
            [scores] = _scores(loaded.model, picture, texts, baseline, options, temperature, added)
        return Relevance(
            found.grid.numpy(),
            label,
            scores[row],
            found.method,
            loaded.name,
            1000 * (time.perf_counter() - begun),
            covered(loaded.processor.image_processor, *image.size),
        )

    def close(self) -> None:
        """Forget all embeddings."""
        loaded = self._loader.loaded
        if loaded is not None:  # else there are none
            with answering(loaded):
                self._embedder.forget()

    def _questions(
        self,
        loaded: Loaded,
        filled: Sequence[Sequence[str]],
        options: ClassifyOptions,
        cancel: Cancel | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Embed the labels' prompts, and what independent labels are weighed against, if any."""
        texts = self._embedder.texts(loaded, filled, cancel)
        if not options.independent or _has_bias(loaded.model):
            return texts, None
        return texts, self._embedder.texts(loaded, [NEUTRAL_PROMPTS], cancel)


def _moved(texts: torch.Tensor, labels: Sequence[str], taught: Weights | None) -> torch.Tensor:
    return texts + torch.from_numpy(taught.offsets_of(labels)) if taught else texts


def _added(
    pictures: torch.Tensor, labels: Sequence[str], taught: Weights | None
) -> torch.Tensor | float:
    return torch.from_numpy(taught.added_logits(pictures.numpy(), labels)) if taught else 0.0


def _scores(  # noqa: PLR0913, PLR0917  # all that scores depend on
    model: Any,
    pictures: torch.Tensor,
    texts: torch.Tensor,
    baseline: torch.Tensor | None,
    options: ClassifyOptions,
    temperature: float,
    added: torch.Tensor | float,
) -> list[list[float]]:
    """Return `(n_images, n_labels)` scores in 0..1."""
    scale, bias = _scale_and_bias(model)
    logits = scale * (pictures @ texts.T) + bias + added
    if baseline is not None:
        logits = logits - scale * (pictures @ baseline.T)
    logits = logits.double() / temperature
    scores = logits.sigmoid() if options.independent else logits.softmax(dim=-1)
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


def _rank(labels: Sequence[str], scores: Sequence[float]) -> tuple[Prediction, ...]:
    pairs = sorted(zip(labels, scores, strict=True), key=lambda pair: -pair[1])
    return tuple(Prediction(label, score) for label, score in pairs)
