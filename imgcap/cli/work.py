"""Who describes the pictures of a command: an engine in this process, or several by Ray Data."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

from imgcap.batches import Outcome, describe_batches
from imgcap.cli.outcomes import StatusBar
from imgcap.settings import Settings
from imgcap.sources import Source, open_ahead


@contextmanager
def describing(
    settings: Settings,
    sources: Iterable[Source],
    labels: Sequence[str] | None,
    status: StatusBar,
    *,
    with_caption: bool,
    batches_before: int = 0,
    workers: int | None = None,
) -> Iterator[Iterable[list[Outcome]]]:
    """Give batches of outcomes, in order, while the block lasts.

    Parameters
    ----------
    settings, sources, labels, with_caption, batches_before
        As for `imgcap.batches.describe_batches`.
    status
        Learns how many sources there are, and what is being done.
    workers
        How many processes of Ray's; None for an engine in this one.
    """
    if workers:
        from imgcap.ray_batches import describe_batches_on_ray

        status.say("Describing on Ray")
        with closing(
            describe_batches_on_ray(
                settings,
                status.count(sources),
                labels,
                workers=workers,
                with_caption=with_caption,
                batches_before=batches_before,
            )
        ) as batches:
            yield batches
        return

    from imgcap.inference import open_engine

    with (
        closing(open_engine(settings, status.tell)) as engine,
        closing(open_ahead(status.count(sources), settings)) as opened,
    ):
        yield describe_batches(
            engine, opened, labels, with_caption=with_caption, batches_before=batches_before
        )
