"""Putting together what comes from all pages while a model is at work."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from ray import serve

J = TypeVar("J")

_WAIT_S: Final = 0.005


class Batches(Generic[J]):
    """Answers jobs in batches: what comes while one is computed makes up the next.

    `ray.serve.batch` closes a batch when its short wait is over, even if the one before is still
    being computed, so that under load nearly every batch would be of one job. Here jobs reach it
    only while nothing is computed.

    Parameters
    ----------
    compute : callable
        From jobs to as many answers, in order; called in a thread, never twice at once.
    most : int
        Jobs in a batch.
    """

    def __init__(self, compute: Callable[[Sequence[J]], list[Any]], most: int) -> None:
        self._compute = compute
        self._free = asyncio.Event()
        self._free.set()
        batch = serve.batch(max_batch_size=most, batch_wait_timeout_s=_WAIT_S)
        self._together = batch(self._run)

    async def answer(self, job: J) -> Any:
        """Return the answer to a job."""
        await self._free.wait()
        return await self._together(job)

    async def _run(self, jobs: Sequence[J]) -> list[Any]:
        self._free.clear()
        try:
            return await asyncio.to_thread(self._compute, jobs)
        finally:
            self._free.set()
