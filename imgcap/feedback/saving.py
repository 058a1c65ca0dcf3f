"""A record stored together with the picture that its visitor allowed to be kept."""

from contextlib import suppress

from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.removal import remove_unnamed
from imgcap.feedback.store import Store


def save_with_picture(
    record: FeedbackRecord, picture: bytes, store: Store, pictures: PictureFolder
) -> None:
    """Keep the picture and store the record, which gets its name; return once both are safe.

    A new picture whose record could not be stored does not stay: it is removed at once if the store
    says that no record names it, and else is what `imgcap.feedback.removal.unnamed` finds.

    Raises
    ------
    FeedbackError
        If one of them could not be stored. Doing it again with the same record stores it once.
    """
    with pictures.saving():
        kept, new = pictures.add(picture, record.picture_name)
        try:
            store.append(record.model_copy(update={"picture_file": kept}))
        except FeedbackError as error:
            problem = error
        else:
            return
    if new:  # else another store may name it
        with suppress(FeedbackError):
            remove_unnamed([kept], [store], pictures)
    raise problem
