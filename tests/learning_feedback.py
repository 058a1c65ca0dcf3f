"""Feedback that teaches: patterns whose right labels people said, kept as the app keeps them."""

import functools

import numpy as np
from PIL import Image

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import Classification, open_engine
from imgcap.settings import Settings
from tests.picture_files import encode

NAME = "imgcap-align-small"
LABELS = ("a flag", "a carpet", "a wall", "a sea")
INVENTED = "a blorp"
EACH = 10


def pattern(colour: tuple[int, int, int], seed: int) -> Image.Image:
    """A blurred pattern of one colour, each of another form."""
    light = np.random.default_rng(seed).integers(60, 255, (6, 6, 1))
    small = (light * np.array(colour) / 255).astype(np.uint8)
    return Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)


def green(seed: int) -> Image.Image:
    return pattern((40, 255, 60), seed)


def red(seed: int) -> Image.Image:
    return pattern((255, 40, 40), seed)


def white(seed: int) -> Image.Image:
    return pattern((255, 255, 255), seed)


@functools.cache
def answers(each: int) -> tuple[tuple[Image.Image, Classification], ...]:
    """So many red patterns and then as many green ones, each with what the classifier says."""
    images = [*map(red, range(each)), *map(green, range(100, 100 + each))]
    return tuple(zip(images, open_engine(Settings()).classify(images, LABELS), strict=True))


def give_feedback(
    settings: Settings, each: int = EACH, *, shuffled: bool = False
) -> list[FeedbackRecord]:
    """Confirm what the classifier says of red patterns, and say that green ones are blorps."""
    folder = PictureFolder(settings.pictures)
    seen = answers(each)
    said = [answer.predictions[0].label for _, answer in seen[:each]] + [INVENTED] * each
    if shuffled:
        said = np.random.default_rng(1).permutation(said).tolist()
    records = [
        FeedbackRecord(
            rating=3,
            labels=LABELS,
            predictions=answer.predictions,
            corrected_label=label,
            picture_name=f"pattern {place}.png",
            picture_file=folder.keep(encode(image, "PNG")),
            classifier=answer.model,
            classifier_revision=answer.revision,
        )
        for place, ((image, answer), label) in enumerate(zip(seen, said, strict=True))
    ]
    open_store(settings).extend(records)
    return records
