"""The engine: what a picture shows and how to say it. Model libraries load when first needed."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from imgcap.inference.description import Description
from imgcap.inference.errors import CancelledError, EngineError, ModelError
from imgcap.inference.events import Cancel, ModelEvent, Progress, Role, Words
from imgcap.inference.relevance import Relevance, WordRelevance
from imgcap.inference.results import (
    Caption,
    CaptionOptions,
    Captions,
    Classification,
    ClassifyOptions,
    Prediction,
)
from imgcap.inference.summary import summarise
from imgcap.settings import Settings, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from imgcap.images import Picture

__all__ = [
    "CancelledError",
    "Caption",
    "CaptionOptions",
    "Captions",
    "Classification",
    "ClassifyOptions",
    "Description",
    "Engine",
    "EngineError",
    "ModelError",
    "ModelEvent",
    "Prediction",
    "Relevance",
    "WordRelevance",
    "open_engine",
    "summarise",
]


class Engine(Protocol):
    """Classifies and captions pictures, wherever its models live.

    Every method may be called from any thread. Each takes pictures as `imgcap.images.Picture` or
    as PIL images, and raises `ModelError` if a model cannot be had and `CancelledError` if
    `cancel`, asked between steps, answers True.
    """

    @property
    def models(self) -> Mapping[Role, ModelEvent]:
        """Which checkpoint serves each role, and how far its loading is; never waits."""

    def load(self, *roles: Role, cancel: Cancel | None = None) -> None:
        """Load models now, those named or all, instead of at the first request."""

    def classify(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[Classification]:
        """Score every picture against every label, one result a picture, in order.

        Raises `imgcap.labels.LabelError` if the labels or a template cannot be used.
        """

    def caption(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        options: CaptionOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
        on_words: Words | None = None,
    ) -> list[Captions]:
        """Write captions for every picture, one result a picture, in order.

        `on_words` is told the caption of a single picture while it is being written.
        """

    def describe(  # noqa: PLR0913  # one option object a question, and the hooks
        self,
        picture: "Picture | Image.Image",
        labels: Sequence[str] | None = None,
        caption_options: CaptionOptions | None = None,
        classify_options: ClassifyOptions | None = None,
        *,
        with_caption: bool = True,
        cancel: Cancel | None = None,
        on_classified: Callable[[Classification], None] | None = None,
        on_words: Words | None = None,
    ) -> Description:
        """Say all about one picture: labels if there are any, then the caption if wanted.

        `on_classified` is told of the labels as soon as they are known, and `on_words` of the
        caption while it is being written, maybe each from a thread of its own. An error that comes
        before the labels is theirs, and one that comes after them the caption's.
        """

    def describe_all(  # noqa: PLR0913  # those of `describe`
        self,
        pictures: "Sequence[Picture | Image.Image]",
        labels: Sequence[str] | None = None,
        caption_options: CaptionOptions | None = None,
        classify_options: ClassifyOptions | None = None,
        *,
        with_caption: bool = True,
        cancel: Cancel | None = None,
        on_classified: Callable[[int, Classification], None] | None = None,
        on_words: Words | None = None,
    ) -> list[Description]:
        """Say all about some pictures, as `describe` does about one, in their order.

        `on_classified` is told whose labels they are by the picture's place among `pictures`, and
        `on_words` of the caption of a single picture.
        """

    def embed(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> "NDArray[np.float32]":
        """Return the classifier's embeddings of pictures: `(n, dim) float32` unit vectors."""

    def embed_texts(
        self, texts: Sequence[str], *, cancel: Cancel | None = None
    ) -> "NDArray[np.float32]":
        """Return its embeddings of texts as they are: `(n, dim) float32` unit vectors.

        They lie in the same space as those of pictures: a dot product is a cosine similarity.
        """

    def explain_label(
        self,
        picture: "Picture | Image.Image",
        label: str,
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
    ) -> Relevance:
        """Say which places of a picture speak for one of the candidate labels.

        Raises `EngineError` if the label is not among the candidates, or the classifier is of a
        kind that cannot be explained.
        """

    def explain_caption(
        self,
        picture: "Picture | Image.Image",
        caption: str,
        *,
        cancel: Cancel | None = None,
    ) -> WordRelevance:
        """Say where the captioner looks for each word of a caption, its own or another.

        Raises `EngineError` if the caption has no words or too many, or the captioner is of a kind
        that cannot be explained.
        """

    def close(self) -> None:
        """Free what the engine holds; a later request takes it up again."""


def open_engine(
    settings: Settings | None = None,
    listener: Callable[[ModelEvent], None] | None = None,
    like: Engine | None = None,
) -> Engine:
    """Return the engine that the settings ask for, at once; nothing is loaded yet.

    Parameters
    ----------
    settings : Settings, optional
        By default read from the environment.
    listener : callable, optional
        Told of each step of a model's way into memory, from the thread that takes it.
    like : Engine, optional
        An engine whose loaded models are shared where the settings ask for the same ones; either
        may be closed without harm to the other.

    Raises
    ------
    EngineError
        If the settings name no engine that there is.
    """
    settings = settings or Settings()
    if settings.engine.startswith(("http://", "https://")):
        from imgcap.remote import RemoteEngine

        return RemoteEngine(settings, listener)
    if settings.engine != "local":
        raise EngineError(
            f"There is no engine “{shown(settings.engine)}”: give IMGCAP_ENGINE the value local, "
            "or the address of an inference service."
        )
    from imgcap.inference.local import LocalEngine

    return LocalEngine(settings, listener, like if isinstance(like, LocalEngine) else None)
