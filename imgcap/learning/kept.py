"""Kept pictures, opened again as they were when they were judged."""

import logging

from PIL import Image

from imgcap.edits import EditError, apply, edits_from
from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.images import PictureError, open_picture
from imgcap.settings import Settings

logger = logging.getLogger(__name__)


def kept_image(record: FeedbackRecord, folder: PictureFolder, settings: Settings) -> Image.Image:
    """Open the picture that was kept with a record, upright and without its edits.

    Raises
    ------
    FeedbackError
        If it is not there, or damaged.
    PictureError
        If it can no longer be opened under the settings.
    """
    picture = open_picture(
        folder.open(record.picture_file),
        record.picture_name,
        max_bytes=settings.max_upload_mb * 2**20,
        max_pixels=settings.max_pixels,
    )
    return picture.image


def edited(record: FeedbackRecord, image: Image.Image, settings: Settings) -> Image.Image:
    """Do to the picture what had been done to it; raises `EditError` if that cannot be."""
    return apply(image, edits_from(record.edits), max_pixels=settings.max_pixels)


def reopened(
    record: FeedbackRecord, folder: PictureFolder, settings: Settings
) -> tuple[Image.Image, Image.Image] | None:
    """Return a record's picture without its edits and with them; None if it teaches nothing."""
    try:
        image = kept_image(record, folder, settings)
        return image, edited(record, image, settings)
    except (FeedbackError, PictureError, EditError) as error:
        logger.info("A kept picture cannot be learned from: %s", error)
        return None
