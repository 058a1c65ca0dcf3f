"""The parts of models that take longest, computed by OpenVINO where it is installed.

What OpenVINO computes is converted once, in a process of its own, compared with what torch computes
in float32, and kept only if it agrees. Everything else stays with torch: the picture tower of a
captioner, in which OpenVINO 2026.4 gained nothing (one picture 0.9 of torch's time, four 1.3), and
the embedded models, whose tower it cannot convert and whose narrow decoder gained nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from imgcap.inference.conversions import discard
from imgcap.inference.events import Cancel
from imgcap.inference.fast.files import Wanted, made
from imgcap.inference.loaded import Loaded

__all__ = ["Wanted", "accelerate"]

logger = logging.getLogger(__name__)

PACKAGES = "openvino", "nncf"


def accelerate(
    loaded: Loaded,
    wanted: Wanted | None,
    cache: Path,
    cancel: Cancel | None = None,
    telling: Callable[[], None] = lambda: None,
) -> Loaded:
    """Let OpenVINO compute a part of a loaded model, if it is installed and agrees.

    Parameters
    ----------
    loaded : Loaded
        What is returned unchanged where nothing is gained.
    wanted : Wanted or None
        What OpenVINO would compute of it.
    cache : Path
        The folder that keeps what is converted.
    telling : callable
        Called when a conversion begins, which takes about a minute and happens once.

    Raises
    ------
    CancelledError
        If `cancel` said so during the conversion.
    """
    if wanted is None or not all(map(find_spec, PACKAGES)):
        return loaded
    graph = made(wanted, cache, cancel, telling)
    if graph is None:
        return loaded
    from imgcap.inference.fast.runtime import Step, Tower

    try:
        tower = wanted.role == "classifier"
        return replace(loaded, quick=Tower(graph, loaded.dtype) if tower else Step(graph))
    except RuntimeError:  # what OpenVINO raises, whatever went wrong
        logger.warning("The converted part of %s cannot be read", loaded.name, exc_info=True)
        discard(graph.parent)  # the next load makes it again
        return loaded
