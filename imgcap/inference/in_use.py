"""Which adapters answer in one engine."""

from pathlib import Path
from typing import TYPE_CHECKING

from imgcap.inference.events import Role

if TYPE_CHECKING:
    from imgcap.inference.adapter import Adapter


class InUse:
    """Which adapters answer in one engine: those that it is trying, else those adopted.

    Parameters
    ----------
    folder : Path
        Of all adapters.

    Attributes
    ----------
    trying : dict
        By role the id of an adapter that answers in this engine alone, adopted or not; empty for
        the checkpoint without any.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.trying: dict[Role, str] = {}

    def adapter(self, checkpoint: str, role: Role, revision: str) -> "Adapter | None":
        """Return the adapter that answers now; see `imgcap.inference.adopted.answering`."""
        from imgcap.inference.adopted import answering

        return answering(self._folder, checkpoint, role, revision, self.trying.get(role))
