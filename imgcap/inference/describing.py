"""What every engine does alike: take pictures of two kinds, and say all about them."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from PIL import Image

from imgcap.inference.description import Description
from imgcap.inference.events import Cancel, Words
from imgcap.inference.results import CaptionOptions, Captions, Classification, ClassifyOptions
from imgcap.reduction import reduced

if TYPE_CHECKING:
    from imgcap.images import Picture
    from imgcap.inference import Engine


class Describing:
    """An engine's `describe` and `describe_all`, from its `classify` and `caption`."""

    def describe(  # noqa: PLR0913  # one option object a question, and the hooks
        self: "Engine",
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
        """Say all about one picture."""

        def hear(_: int, classification: Classification) -> None:
            if on_classified:
                on_classified(classification)

        [description] = self.describe_all(
            [picture],
            labels,
            caption_options,
            classify_options,
            with_caption=with_caption,
            cancel=cancel,
            on_classified=hear,
            on_words=on_words,
        )
        return description

    def describe_all(  # noqa: PLR0913  # those of `describe`
        self: "Engine",
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
        """Say all about some pictures, the labels first since they are there sooner."""
        classifications: list[Classification] = []
        captions: list[Captions] = []
        if labels is not None:
            classifications = self.classify(pictures, labels, classify_options, cancel=cancel)
            if on_classified:
                for place, classification in enumerate(classifications):
                    on_classified(place, classification)
        if with_caption:
            captions = self.caption(pictures, caption_options, cancel=cancel, on_words=on_words)
        parts = zip_longest(pictures, classifications, captions)
        return [described(*each) for each in parts]


def described(
    picture: "Picture | Image.Image",
    classification: Classification | None,
    captions: Captions | None,
) -> Description:
    """Put together what is known of a picture."""
    width, height = picture.width, picture.height
    return Description(
        name=getattr(picture, "name", ""),
        sha256=getattr(picture, "sha256", ""),
        width=width,
        height=height,
        classification=classification,
        captions=captions,
    )


def pixels(picture: "Picture | Image.Image") -> "Image.Image":
    """Return a picture's RGB pixels as all models see them, reduced if there are too many."""
    if not isinstance(picture, Image.Image):
        return picture.reduced
    return reduced(picture if picture.mode == "RGB" else picture.convert("RGB"))
