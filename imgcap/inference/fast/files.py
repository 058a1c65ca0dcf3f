"""Where converted graphs are kept, and making them when they are missing."""

import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel, Role
from imgcap.inference.folders import Location, weight_files
from imgcap.inference.pretrained import Loaded, is_embedded
from imgcap.settings import Settings

logger = logging.getLogger(__name__)

GRAPH = "graph.xml"
CARD = "card.json"
_VERSION = 1  # of what is converted; another one finds nothing of this one's
_ASK_S = 0.1


@dataclass(frozen=True)
class Wanted:
    """What is to be converted.

    Parameters
    ----------
    role : {"classifier", "captioner"}
        Of a classifier the picture tower is converted, of a captioner the decoder's step.
    folder, weights : str
        The checkpoint.
    dtype : {"float32", "bfloat16"}
        What is computed with.
    compress : bool
        Whether weights may be kept as 8-bit integers.
    samples : str
        A folder of pictures to compare by.
    """

    role: Role
    folder: str
    weights: str
    dtype: str
    compress: bool
    samples: str

    @classmethod
    def of(
        cls, loaded: Loaded, location: Location, role: Role, settings: Settings
    ) -> "Wanted | None":
        """Return what OpenVINO would compute of a model, or None if it should not."""
        dtype = str(loaded.dtype).removeprefix("torch.")
        if (
            settings.runtime == "torch"
            or loaded.device.type != "cpu"
            or dtype not in {"float32", "bfloat16"}
            or is_embedded(loaded.model)
            or (role == "captioner" and not hasattr(loaded.model, "text_decoder"))
        ):
            return None
        return cls(
            role,
            str(location.folder),
            str(location.weights),
            dtype,
            role == "captioner" and settings.dtype != "float32",
            str(settings.data / "samples"),
        )

    @property
    def key(self) -> str:
        """Tell this from anything else that could be converted."""
        files = [
            (str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns)
            for file in weight_files(Path(self.weights))
        ]
        told = json.dumps([_VERSION, version("openvino"), asdict(self), files])
        return sha256(told.encode()).hexdigest()[:32]


def made(
    wanted: Wanted, cache: Path, cancel: Cancel | None, telling: Callable[[], None]
) -> Path | None:
    """Return the file of a converted graph, converting it first if need be.

    Returns
    -------
    Path or None
        None if it cannot be converted or does not agree with torch.

    Raises
    ------
    CancelledError
        If `cancel` said so.
    """
    try:
        kept = cache / "openvino" / wanted.key
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.with_suffix(".lock")):
            if not (kept / CARD).is_file():
                telling()
                _convert(wanted, kept, cancel)
            card = json.loads((kept / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        logger.warning("Nothing could be converted for OpenVINO", exc_info=True)
        return None
    if not card["agrees"]:
        logger.info("OpenVINO is not used for %s: %s", wanted.folder, card["reason"])
    return kept / GRAPH if card["agrees"] else None


def _convert(wanted: Wanted, kept: Path, cancel: Cancel | None) -> None:
    """Convert in a process of its own, whose memory is free again when it ends."""
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=kept.parent))
    try:
        _run(wanted, unfinished, cancel)
        shutil.rmtree(kept, ignore_errors=True)
        unfinished.rename(kept)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run(wanted: Wanted, target: Path, cancel: Cancel | None) -> None:
    command = [sys.executable, "-m", "imgcap.inference.fast.convert", str(target)]
    with (target / "log.txt").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603  # this very program
            [*command, json.dumps(asdict(wanted))], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            while process.poll() is None:
                if cancel is not None and cancel():
                    raise CancelledError
                try:
                    process.wait(_ASK_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            process.kill()
            process.wait()
        if not (target / CARD).is_file():
            log.seek(0)
            lines = log.read().strip().splitlines()
            logger.warning("The conversion for OpenVINO failed:\n%s", "\n".join(lines[-20:]))
            card = {"agrees": False, "reason": lines[-1] if lines else "it ended"}
            (target / CARD).write_text(json.dumps(card), encoding="utf-8")
