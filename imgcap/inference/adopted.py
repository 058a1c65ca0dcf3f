"""Which adapters were adopted for each checkpoint, and which one answers."""

import functools
import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from imgcap.inference.adapter import CARD, Adapter, AdapterError, AdapterId, read_adapter
from imgcap.inference.events import Role

logger = logging.getLogger(__name__)

ADOPTED = "adopted.json"


class Adopted(BaseModel):
    """Which adapters were adopted for each checkpoint; the last one answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoints: dict[str, tuple[AdapterId, ...]] = {}

    def by(self, checkpoint: str) -> str:
        """Return the adapter that answers for a checkpoint, empty for none."""
        return self.checkpoints.get(checkpoint, ("",))[-1]


def read_adopted(folder: Path) -> Adopted:
    """Read which adapters are in use; raises `AdapterError` if that is damaged."""
    try:
        return Adopted.model_validate_json((folder / ADOPTED).read_bytes())
    except FileNotFoundError:
        return Adopted()
    except (OSError, ValidationError) as error:
        raise AdapterError(
            f"“{folder / ADOPTED}”, the list of adopted adapters, cannot be read."
        ) from error


def answering(
    folder: Path,
    checkpoint: str,
    role: Role = "classifier",
    revision: str = "",
    trying: str | None = None,
) -> Adapter | None:
    """Return the adapter that answers for a checkpoint, or None if that answers by itself.

    One that cannot be used goes to the log, once, and the checkpoint answers without it.

    Parameters
    ----------
    folder : Path
        Of all adapters.
    revision : str
        The checkpoint's commit; an adapter is not used for another one.
    trying : str, optional
        The adapter to use in place of the adopted one; empty for none at all.
    """
    name = _adopted(folder, checkpoint) if trying is None else trying
    if not name:
        return None
    try:
        made = (folder / name / CARD).stat().st_mtime_ns
    except OSError:
        made = 0
    found = _usable(folder, name, made)
    made_for = found and (found.card.checkpoint, found.card.role, found.card.revision)
    return found if made_for == (checkpoint, role, revision) else None


def _adopted(folder: Path, checkpoint: str) -> str:
    try:
        stat = (folder / ADOPTED).stat()
    except OSError:
        return ""
    return _all_adopted(folder, stat.st_mtime_ns, stat.st_ino).by(checkpoint)


@functools.lru_cache(maxsize=8)
def _all_adopted(folder: Path, _mtime: int, _inode: int) -> Adopted:
    """Read the list once per change of it."""
    try:
        return read_adopted(folder)
    except AdapterError as error:
        logger.warning("%s Checkpoints answer without adapters.", error)
        return Adopted()


@functools.lru_cache(maxsize=8)
def _usable(folder: Path, name: str, _mtime: int) -> Adapter | None:
    try:
        return read_adapter(folder, name)
    except AdapterError as error:
        logger.warning("%s The checkpoint answers without it.", error)
        return None
