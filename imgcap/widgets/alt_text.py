"""The button that hands over the visitor's own file with its caption inside, as alt text."""

import threading
from typing import Final

from imgcap.alt_text import AltTextError, with_alt_text
from imgcap.widgets.browser import DownloadButton
from imgcap.widgets.stage import Stage
from imgcap.widgets.state import AppState

_EDITED: Final = (
    "The caption is about the edited picture, and the copy would be of the original: "
    "reset the edits first."
)


class AltTextButton(DownloadButton):
    """Writes the caption on screen into a copy of the file that was uploaded.

    What the visitor types into the feedback form is not used: it is a draft until it is sent, and
    what the card shows is what its buttons copy and keep.

    Parameters
    ----------
    state : AppState
        Whose picture and caption.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._stage = Stage.of(state)
        super().__init__(
            label="Download with alt text",
            name="Download with alt text: a copy of your file with the caption in it",
            file_name="picture",
            mime="",
            make=self._copy,
            begin=lambda work: threading.Thread(target=work, daemon=True).start(),
            expected=(AltTextError,),
            on_error=state.report,
        )

    def _copy(self) -> bytes:
        scene = self._stage.scene
        picture, caption = scene.picture, scene.description and scene.description.caption
        if picture is None or not caption:
            raise AltTextError("There is no caption to write into a copy of your file.")
        if picture.edits:
            raise AltTextError(_EDITED)
        try:
            original = self._state.shelf.read(picture.id)
        except KeyError as error:
            raise AltTextError("The picture has been removed.") from error
        self.file_name, self.mime = picture.name, f"image/{picture.format.lower()}"
        return with_alt_text(original, caption, picture.name)
