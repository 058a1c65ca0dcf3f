"""Descriptions of many pictures by several processes at a time, with Ray Data."""

import logging
import os
import pickle
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final

from imgcap.batches import MAX_BATCH, Outcome, describe_batches
from imgcap.inference import Engine, EngineError, open_engine
from imgcap.quiet_ray import connect, quieten, reason
from imgcap.settings import Settings
from imgcap.sources import Source, open_ahead

_FULL: Final = MAX_BATCH.bit_length()
"""After so many batches the next is a full one."""

_AHEAD: Final = 2
"""The next batch is with a process before it has done the one before."""

logger = logging.getLogger(__name__)


def has_ray_data() -> bool:
    """Return whether Ray Data is installed."""
    return all(find_spec(name) for name in ("ray", "pyarrow", "pandas"))


def describe_batches_on_ray(  # noqa: PLR0913  # those of `describe_batches`, and the processes
    settings: Settings,
    sources: Iterable[Source],
    labels: Sequence[str] | None,
    *,
    workers: int,
    with_caption: bool = True,
    batches_before: int = 0,
) -> Generator[list[Outcome], None, None]:
    """Describe pictures in the batches of `imgcap.batches.describe_batches`, several at a time.

    The processes run on this machine, or where the cluster at `RAY_ADDRESS` has room for them:
    folders and files must then have the same paths there. Close it if you stop early.

    Parameters
    ----------
    settings
        The engine that each process opens, and what Ray reserves for it: `serve_cpus` cores and
        `serve_gpus` GPUs.
    sources
        All are read before the first is described.
    labels, with_caption, batches_before
        As for `describe_batches`.
    workers
        How many processes, each with models of its own.

    Yields
    ------
    list of Outcome
        A batch, in the order of the sources, as soon as all before it are done.

    Raises
    ------
    EngineError
        If an engine cannot work at all, or Ray cannot go on.
    """
    rows = [{"batch": pickle.dumps(batch)} for batch in _batches(sources, batches_before)]
    if not rows:
        return
    quieten()
    import ray  # noqa: PLC0415  # an extra, and slow to import
    import ray.data  # noqa: PLC0415  # likewise

    try:
        connect(os.environ.get("RAY_ADDRESS"), workers * settings.serve_cpus + 1)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_options.preserve_order = True
        described = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Worker,
            fn_constructor_args=(settings, Path.cwd(), labels, with_caption),
            compute=ray.data.ActorPoolStrategy(
                size=min(workers, len(rows)), max_tasks_in_flight_per_actor=_AHEAD
            ),
            num_cpus=settings.serve_cpus,
            num_gpus=settings.serve_gpus,
        )
        for row in described.iter_rows():
            answer = pickle.loads(row["batch"])  # noqa: S301  # of our own process
            if isinstance(answer, EngineError):
                raise answer  # noqa: TRY301  # from here as from an engine in this process
            yield answer
    except EngineError:
        raise
    except Exception as error:
        logger.debug("Ray failed", exc_info=True)
        raise EngineError(f"Ray could not go on: {reason(error)}") from error
    finally:
        ray.shutdown()


class _Worker:
    """A process with an engine, which describes a batch a call.

    Plain bytes travel: names need not be Unicode, which Arrow's texts are.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        labels: Sequence[str] | None,
        with_caption: bool,  # noqa: FBT001  # Ray hands it over by its place
    ) -> None:
        with suppress(OSError):  # where it is missing so are the files, and each is said to be
            os.chdir(folder)
        self._settings = settings
        self._labels = labels
        self._with_caption = with_caption

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._settings)

    def __call__(self, row: dict[str, Any]) -> dict[str, bytes]:
        sources = pickle.loads(row["batch"])  # noqa: S301  # of our own process
        try:
            answer: object = self._describe(sources)
        except EngineError as error:
            answer = error
        return {"batch": pickle.dumps(answer)}

    def _describe(self, sources: Sequence[Source]) -> list[Outcome]:
        with closing(open_ahead(sources, self._settings)) as opened:
            batches = describe_batches(
                self._engine,
                opened,
                self._labels,
                with_caption=self._with_caption,
                batches_before=_FULL,
            )
            return [outcome for batch in batches for outcome in batch]


def _batches(sources: Iterable[Source], before: int) -> Iterator[list[Source]]:
    iterator = iter(sources)
    size = min(2**before, MAX_BATCH)
    while batch := list(islice(iterator, size)):
        yield batch
        size = min(2 * size, MAX_BATCH)
