"""How far a classifier's scores can be trusted: the temperature that feedback has taught."""

import functools
import hashlib
import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from imgcap.inference.errors import EngineError
from imgcap.inference.results import NONE_THRESHOLD

logger = logging.getLogger(__name__)

COLDEST, HOTTEST = 0.25, 8.0
"""A temperature outside of these is no calibration but a mistake."""

_LONGEST = 2**20
_LONGEST_NAME = 80

Temperature = Annotated[float, Field(ge=COLDEST, le=HOTTEST)]
Share = Annotated[float, Field(ge=0, le=1)]
Measure = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CalibrationError(EngineError):
    """A stored calibration that cannot be used; the text is one sentence for a person."""


class Calibration(BaseModel):
    """What was learned from feedback on one checkpoint; without feedback, what it was made with.

    Attributes
    ----------
    checkpoint, revision
        Which one; a calibration is not used for another revision.
    temperature
        What logits are divided by before they become scores (Guo et al. 2017): above 1 makes the
        classifier less sure of itself.
    none_threshold
        How far the best score must rise above an even guess for its label to be named.
    judged
        How many judged answers it was learned from.
    nll_before, nll_after, ece_before, ece_after
        Mean negative log-likelihood of the right label and expected calibration error, on answers
        that were held out, before and after.
    time
        When it was learned.
    records
        SHA-256 of the sorted ids of the records it was learned from.
    history
        Since when which temperature has answered, oldest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    revision: str = ""
    temperature: Temperature = 1.0
    none_threshold: Share = NONE_THRESHOLD
    judged: NonNegativeInt = 0
    nll_before: Measure | None = None
    nll_after: Measure | None = None
    ece_before: Measure | None = None
    ece_after: Measure | None = None
    time: AwareDatetime | None = None
    records: str = ""
    history: tuple[tuple[AwareDatetime, Temperature], ...] = ()

    def temperature_at(self, time: datetime) -> float:
        """Return the temperature that answered at a time."""
        past = [temperature for since, temperature in self.history if since <= time]
        return past[-1] if past else 1.0


def calibration_file(folder: Path, checkpoint: str, adapter: str = "") -> Path:
    """Return where a checkpoint's calibration lies, by itself or with one of its adapters.

    Names may be any text, such as a path. What was learned without an adapter is
    there again when that is taken back.
    """
    digest = hashlib.sha256(checkpoint.encode("utf-8", "replace")).hexdigest()[:8]
    own = f"+{_plain(adapter)}" if adapter else ""
    return folder / f"{_plain(checkpoint)}-{digest}{own}.json"


def adapter_calibrations(folder: Path, adapter: str) -> list[Path]:
    """Return where calibrations of an adapter lie; its checkpoint need not be known."""
    own = _plain(adapter)
    return [path for path in folder.glob("*+*.json") if path.stem.rpartition("+")[2] == own]


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:_LONGEST_NAME].strip("-")


def stored_calibration(folder: Path, checkpoint: str, revision: str = "") -> Calibration:
    """Return a checkpoint's calibration; one that changes nothing if none is stored.

    Raises
    ------
    CalibrationError
        If what is stored cannot be used.
    """
    path = calibration_file(folder, checkpoint, revision.partition("+")[2])
    try:
        stat = path.stat()
        found = _parsed(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        found = None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        found = f"The calibration “{path.name}” cannot be read ({reason})."
    if isinstance(found, str):
        raise CalibrationError(found)
    if found is None or (found.checkpoint, found.revision) != (checkpoint, revision):
        return Calibration(checkpoint=checkpoint, revision=revision)
    return found


def usable_calibration(folder: Path, checkpoint: str, revision: str = "") -> Calibration:
    """Return the same; what cannot be used goes to the log, once, and changes nothing."""
    try:
        return stored_calibration(folder, checkpoint, revision)
    except CalibrationError as error:
        _warn(str(error))
        return Calibration(checkpoint=checkpoint, revision=revision)


@functools.lru_cache(maxsize=64)
def _parsed(path: Path, _mtime: int, size: int) -> Calibration | str:
    """Return what a file holds, or the sentence why it cannot be used; read once per change."""
    unusable = f"The calibration “{path.name}” is damaged or of a newer version: it is left out."
    if size > _LONGEST:
        return unusable
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except ValidationError:
        return unusable


@functools.lru_cache(maxsize=64)
def _warn(sentence: str) -> None:
    logger.warning(sentence)
