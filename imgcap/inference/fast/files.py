"""Where converted graphs are kept, and making them when they are missing."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from imgcap.inference.conversions import keep, place
from imgcap.inference.converting import size_in
from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel, Role
from imgcap.inference.folders import Location, weight_files
from imgcap.inference.loaded import Loaded, is_embedded
from imgcap.settings import Settings

logger = logging.getLogger(__name__)

GRAPH = "graph.xml"
CARD = "card.json"
_VERSION = 4  # of what is converted; another one finds nothing of this one's
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
    def sources(self) -> list[Path]:
        """The files of the weights."""
        return weight_files(Path(self.weights))

    def place(self, cache: Path) -> Path:
        """Return the folder of the graph."""
        kind = ["graph", _VERSION, version("openvino"), asdict(self)]
        return place(cache, kind, self.sources)

    @property
    def most_bytes(self) -> int:
        """How large the graph may be: all weights in its dtype are more than a part of them."""
        return sum(size_in(file, getattr(torch, self.dtype)) for file in self.sources)


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

    def make(target: Path) -> None:
        telling()
        _run(wanted, target, cancel)

    try:
        kept = wanted.place(cache)
        keep(
            kept, wanted.sources, wanted.most_bytes, make, lambda it: bool(_card(it)), cancel=cancel
        )
    except (OSError, SafetensorError):
        logger.warning("Nothing could be converted for OpenVINO", exc_info=True)
        return None
    card = _card(kept)
    if not card.get("agrees"):
        logger.info("OpenVINO is not used for %s: %s", wanted.folder, card.get("reason"))
    return kept / GRAPH if card.get("agrees") else None


def _card(kept: Path) -> dict[str, Any]:
    """Return what is known of a graph, nothing if there is none or only a part of it."""
    try:
        card = json.loads((kept / CARD).read_text(encoding="utf-8"))
        is_whole = (kept / GRAPH).is_file() or not card["agrees"]
    except (OSError, ValueError, TypeError, LookupError):
        return {}
    return card if is_whole else {}


def _run(wanted: Wanted, target: Path, cancel: Cancel | None) -> None:
    """Convert in a process of its own, whose memory is free again when it ends."""
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
