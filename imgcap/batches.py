"""Descriptions of many pictures: batches for the engine, results in order, failures one by one."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imgcap.images import Picture, PictureError, clean_name
from imgcap.inference import Description, Engine, EngineError
from imgcap.sources import MAX_WAITING_PIXELS, Source

MAX_BATCH: Final = 8

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one source: a description, or one sentence on why there is none."""

    file: str
    description: Description | None = None
    error: str = ""

    def as_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return plain values for JSON, with the `top` best predictions or all of them."""
        if self.description is None:
            return {"file": self.file, "error": self.error}
        return self.description.as_dict(top) | {"file": self.file}


def describe_batches(
    engine: Engine,
    opened: Iterable[tuple[Source, Picture | PictureError]],
    labels: Sequence[str] | None,
    *,
    with_caption: bool = True,
    batches_before: int = 0,
) -> Iterator[list[Outcome]]:
    """Describe pictures in batches that start small, so that the first result is there soon.

    Parameters
    ----------
    engine
        Asked for all about a batch at a time.
    opened
        What `imgcap.sources.open_ahead` yields; consumed a batch at a time.
    labels
        Candidate labels; None for no classification.
    with_caption
        Whether captions are wanted.
    batches_before
        How many batches were done before a run was broken off: it goes on with their size.

    Yields
    ------
    list of Outcome
        A batch: one outcome a source, in order.

    Raises
    ------
    EngineError
        If the engine cannot work at all, as when a model is missing.
    """
    for batch in in_batches(opened, min(2**batches_before, MAX_BATCH)):
        pictures = [result for _, result in batch if isinstance(result, Picture)]
        described = iter(_describe(engine, pictures, labels, with_caption=with_caption))
        answers = [
            (source, next(described) if isinstance(result, Picture) else str(result))
            for source, result in batch
        ]
        yield [
            Outcome(source.file, answer)
            if isinstance(answer, Description)
            else Outcome(source.file, error=answer)
            for source, answer in answers
        ]


def in_batches(
    opened: Iterable[tuple[Source, Picture | PictureError]], size: int = MAX_BATCH
) -> Iterator[list[tuple[Source, Picture | PictureError]]]:
    """Yield batches that grow from `size` to `MAX_BATCH`, and stay small where pictures are big."""
    batch: list[tuple[Source, Picture | PictureError]] = []
    pixels = 0
    for source, result in opened:
        batch.append((source, result))
        pixels += result.width * result.height if isinstance(result, Picture) else 0
        if len(batch) >= size or pixels >= MAX_WAITING_PIXELS:
            yield batch
            batch, pixels = [], 0
            size = min(2 * size, MAX_BATCH)
    if batch:
        yield batch


def _describe(
    engine: Engine, pictures: Sequence[Picture], labels: Sequence[str] | None, *, with_caption: bool
) -> list[Description | str]:
    """Describe a batch; if that goes wrong, its pictures one by one, to lose only the culprit."""
    if not pictures:
        return []
    try:
        return list(engine.describe_all(pictures, labels, with_caption=with_caption))
    except EngineError:
        raise
    except Exception as error:
        logger.debug("a batch of %d failed", len(pictures), exc_info=True)
        if len(pictures) == 1:
            name = clean_name(pictures[0].name)
            return [f"“{name}” could not be described ({type(error).__name__})."]
    return [
        answer
        for picture in pictures
        for answer in _describe(engine, [picture], labels, with_caption=with_caption)
    ]
