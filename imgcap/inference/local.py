"""The engine in this process."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imgcap.inference.describing import Describing, pixels
from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel, ModelEvent, Progress, Role, Words
from imgcap.inference.in_use import InUse
from imgcap.inference.lean import prepare
from imgcap.inference.loading import Listener, Loader
from imgcap.inference.relevance import Relevance, WordRelevance
from imgcap.inference.results import CaptionOptions, Captions, Classification, ClassifyOptions
from imgcap.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from imgcap.images import Picture
    from imgcap.inference.captioner import Captioner
    from imgcap.inference.classifier import Classifier


class LocalEngine(Describing):
    """An `Engine` whose models live in this process; any thread may use it.

    Opening one is instant: each model is loaded by the first request that needs it. Models load
    and compute one at a time.

    Parameters
    ----------
    settings : Settings
        Which checkpoints, device and dtype.
    listener : callable, optional
        Told of each step of each model's loading, from the thread that loads.
    like : LocalEngine, optional
        Models that it has loaded and the settings ask for as well are shared, not loaded again.
    """

    def __init__(
        self,
        settings: Settings,
        listener: Listener | None = None,
        like: "LocalEngine | None" = None,
    ) -> None:
        self._calibration = settings.calibration
        self._in_use = InUse(settings.adapters)
        self._opening = threading.Lock()
        tell = listener or _ignore
        self._loaders: dict[Role, Loader] = {
            "classifier": Loader("classifier", settings, tell, self._in_use),
            "captioner": Loader("captioner", settings, tell, self._in_use),
        }
        for role, loader in like._loaders.items() if like else ():  # noqa: SLF001  # of this class
            self._loaders[role].share(loader)
        self._classifier: Classifier | None = None
        self._captioner: Captioner | None = None

    @property
    def models(self) -> Mapping[Role, ModelEvent]:
        """Which checkpoint serves each role, and how far its loading is."""
        return {role: loader.event for role, loader in self._loaders.items()}

    @property
    def trying(self) -> dict[Role, str]:
        """By role the adapter that answers in this engine alone; see `InUse`."""
        return self._in_use.trying

    def load(self, *roles: Role, cancel: Cancel | None = None) -> None:
        """Load models now: those named, or all."""
        for role in roles or tuple(self._loaders):
            self._loaders[role].get(cancel)

    def classify(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[Classification]:
        """Score every picture against every label."""
        return self._open_classifier().classify(
            [pixels(picture) for picture in pictures],
            labels,
            options or ClassifyOptions(),
            cancel=cancel,
            progress=progress,
        )

    def caption(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        options: CaptionOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
        on_words: Words | None = None,
    ) -> list[Captions]:
        """Write captions for every picture."""
        return self._open_captioner().caption(
            [pixels(picture) for picture in pictures],
            options or CaptionOptions(),
            cancel=cancel,
            progress=progress,
            on_words=on_words,
        )

    def embed(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> "NDArray[np.float32]":
        """Return the classifier's embeddings of pictures."""
        images = [pixels(picture) for picture in pictures]
        return self._open_classifier().embed(images, cancel=cancel, progress=progress).numpy()

    def embed_texts(
        self, texts: Sequence[str], *, cancel: Cancel | None = None
    ) -> "NDArray[np.float32]":
        """Return the classifier's embeddings of texts as they are."""
        return self._open_classifier().embed_texts(texts, cancel=cancel).numpy()

    def explain_label(
        self,
        picture: "Picture | Image.Image",
        label: str,
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
    ) -> Relevance:
        """Say which places of a picture speak for one of the candidate labels."""
        return self._open_classifier().explain(
            pixels(picture), label, labels, options or ClassifyOptions(), cancel=cancel
        )

    def explain_caption(
        self,
        picture: "Picture | Image.Image",
        caption: str,
        *,
        cancel: Cancel | None = None,
    ) -> WordRelevance:
        """Say where the captioner looks for each word of a caption."""
        prepare()
        from imgcap.inference.explanation.words import explain_caption

        loaded = self._loaders["captioner"].get(cancel)
        if cancel is not None and cancel():
            raise CancelledError
        return explain_caption(loaded, pixels(picture), caption)

    def close(self) -> None:
        """Free the models and what was remembered of labels and pictures."""
        if self._classifier:
            self._classifier.close()
        for loader in self._loaders.values():
            loader.close()

    def _open_classifier(self) -> "Classifier":
        prepare()
        from imgcap.inference.classifier import Classifier

        with self._opening:
            if self._classifier is None:
                self._classifier = Classifier(self._loaders["classifier"], self._calibration)
            return self._classifier

    def _open_captioner(self) -> "Captioner":
        prepare()
        from imgcap.inference.captioner import Captioner

        with self._opening:
            if self._captioner is None:
                self._captioner = Captioner(self._loaders["captioner"])
            return self._captioner


def _ignore(_: ModelEvent) -> None:
    pass
