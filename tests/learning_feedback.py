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


@functools.cache
def answers(each: int) -> tuple[tuple[Image.Image, Classification], ...]:
    """So many red patterns and then as many green ones, each with what the classifier says."""
    images = [*map(red, range(each)), *map(green, range(100, 100 + each))]
    return tuple(zip(images, open_engine(Settings()).classify(images, LABELS), strict=True))


def give_feedback(settings: Settings, each: int = EACH) -> list[FeedbackRecord]:
    """Confirm what the classifier says of red patterns, and say that green ones are blorps."""
    folder = PictureFolder(settings.pictures)
    records = [
        FeedbackRecord(
            rating=3,
            labels=LABELS,
            predictions=answer.predictions,
            corrected_label=answer.predictions[0].label if place < each else INVENTED,
            picture_name=f"pattern {place}.png",
            picture_file=folder.keep(encode(image, "PNG")),
            classifier=answer.model,
            classifier_revision=answer.revision,
        )
        for place, (image, answer) in enumerate(answers(each))
    ]
    open_store(settings).extend(records)
    return records
