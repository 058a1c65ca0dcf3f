"""What the engine asks and tells while it works: cancelling, progress, a model's loading."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["classifier", "captioner"]
Stage = Literal["waiting", "download", "load", "convert", "ready", "failed"]

ON_THE_WAY: frozenset[Stage] = frozenset({"download", "load", "convert"})
"""The stages in which somebody waits for a model."""

Cancel = Callable[[], bool]
"""Asked between steps, from the thread that works; True ends the work with `CancelledError`."""

Progress = Callable[[int, int], None]
"""Told after each batch how many pictures are done, of how many."""

Words = Callable[[str], None]
"""Told a caption while it is being written: what there is of it so far, in whole words.

By a search with several beams that is the likeliest text at the moment, so its words may change;
the last text that is told is the caption itself. Only one picture's caption is told: where several
are captioned in one call, none is. It is called between tokens by the thread that works, so it has
to be quick. If it raises, that is logged and nothing more is told; the work goes on.
"""


@dataclass(frozen=True)
class ModelEvent:
    """A step on the way of one checkpoint from its place to memory.

    Parameters
    ----------
    role : {"classifier", "captioner"}
        What the checkpoint is for.
    checkpoint : str
        Its name as a person chose it.
    stage : {"waiting", "download", "load", "convert", "ready", "failed"}
        ``waiting``: not asked for yet. ``convert``: made ready for a quicker runtime, which happens
        once.
    done, total : int
        Bytes, while it downloads; `total` is 0 as long as it is unknown.
    message : str
        One sentence, when it failed.
    """

    role: Role
    checkpoint: str
    stage: Stage
    done: int = 0
    total: int = 0
    message: str = field(default="")
