"""Other words for a picture: several captions, ranked by how well each fits; shorter, longer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imgcap.inference.events import Cancel
from imgcap.inference.results import Caption, CaptionOptions, Captions

if TYPE_CHECKING:
    from PIL import Image

    from imgcap.images import Picture
    from imgcap.inference import Engine

BEAMS = 8
"""Beams of the search for other captions, at least; as many captions are compared."""

WEIGHT = 2.0
"""What one unit of cosine similarity is worth in units of mean log-probability.

Measured with the embedded models on 400 of Flickr8k's development pictures, first of 8 captions:
CIDEr-D 0.556 by the captioner alone, 0.575 by the classifier alone, 0.597 by both (95 % bootstrap
interval of the gain over the captioner: 0.011 to 0.075); between 1.5 and 4 hardly any difference.
"""

_MOST_TOKENS = 200
_STRETCH = 2
"""How many tokens a longer caption has more, at least."""
_ROOM = 16
"""How many more it may have, so that the model finds an end."""


@dataclass(frozen=True)
class Candidate:
    """One caption as captioner and classifier see it.

    Parameters
    ----------
    caption : Caption
        With its mean log-probability.
    similarity : float
        Cosine similarity of picture and caption in the classifier's embedding space.
    score : float
        Both together: the mean log-probability plus `WEIGHT` times the similarity.
    """

    caption: Caption
    similarity: float
    score: float


@dataclass(frozen=True)
class Wording:
    """What a person prefers to the captioner's answer.

    Parameters
    ----------
    written : Captions
        The answer that it stands in for; for any other it does not.
    captions : Captions
        The preferred caption first.
    """

    written: Captions
    captions: Captions

    @classmethod
    def preferring(cls, first: Caption, written: Captions) -> "Wording":
        """Prefer a caption; those of the answer stand behind it."""
        rest = (each for each in written.captions if each.text != first.text)
        return cls(written, replace(written, captions=(first, *rest)))


def find_candidates(
    engine: "Engine",
    picture: "Picture | Image.Image",
    options: CaptionOptions,
    *,
    cancel: Cancel | None = None,
) -> tuple[Candidate, ...]:
    """Return the captions that a wide search finds, best first, judged by the classifier too.

    What the length limit cut off is left out, and so are equal texts.

    Raises
    ------
    ModelError, CancelledError
        As `Engine` does.
    """
    beams = max(BEAMS, options.num_beams)
    wide = replace(options, num_beams=beams, num_captions=beams)
    [answer] = engine.caption([picture], wide, cancel=cancel)
    found = {each.text: each for each in reversed(answer.captions) if each.finished and each.text}
    if not found:
        return ()
    [seen] = engine.embed([picture], cancel=cancel)
    similarities = engine.embed_texts(tuple(found), cancel=cancel) @ seen
    return rank(tuple(found.values()), similarities.tolist())


def rank(captions: Sequence[Caption], similarities: Sequence[float]) -> tuple[Candidate, ...]:
    """Return captions best first by both scores together."""
    pairs = zip(captions, similarities, strict=True)
    return ranked(Candidate(each, value, each.score + WEIGHT * value) for each, value in pairs)


def ranked(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return candidates best first."""
    return tuple(sorted(candidates, key=lambda each: (-each.score, each.caption.text)))


def shorter(options: CaptionOptions, present: Caption) -> CaptionOptions | None:
    """Return options whose captions are shorter than the present one; None if none can be."""
    if present.tokens <= 1:
        return None
    # Not one less: a caption's end counts as a token as well.
    return replace(options, min_new_tokens=0, max_new_tokens=present.tokens)


def longer(options: CaptionOptions, present: Caption) -> CaptionOptions | None:
    """Return options whose captions are longer than the present one; None if none can be."""
    least = present.tokens + _STRETCH
    most = min(_MOST_TOKENS, max(least + _ROOM, options.max_new_tokens))
    if least > most:
        return None
    return replace(options, min_new_tokens=least, max_new_tokens=most)
