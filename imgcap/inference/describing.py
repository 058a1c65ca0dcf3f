"""What every engine does alike: take pictures of two kinds, and say all about one of them."""

from collections.abc import Callable, Sequence
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
    """An engine's `describe`, from its `classify` and `caption`."""

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
        """Say all about one picture, the labels first since they are there sooner."""
        classification = captions = None
        if labels is not None:
            [classification] = self.classify([picture], labels, classify_options, cancel=cancel)
            if on_classified:
                on_classified(classification)
        if with_caption:
            [captions] = self.caption([picture], caption_options, cancel=cancel, on_words=on_words)
        return described(picture, classification, captions)


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
