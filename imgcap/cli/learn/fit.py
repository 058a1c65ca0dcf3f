"""`imgcap learn fit|evaluate`: making adapters, and measuring them."""

import json
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imgcap.cli.bar import Bar
from imgcap.cli.common import FAILED, failure, tell
from imgcap.cli.feedback.ends import counted, opened
from imgcap.cli.feedback.options import AsJson, StoreUrl
from imgcap.cli.learn.ends import told_all
from imgcap.cli.learn.options import Checkpoint, ForRole, Name, Role, chosen
from imgcap.cli.learn.report import print_figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgcap.feedback import Store
    from imgcap.inference.adapter import Adapter, AdapterCard
    from imgcap.learning.captions.evaluation import CaptionEvaluation
    from imgcap.learning.captions.gather import GatheredCaptions
    from imgcap.learning.labels.evaluation import Evaluation
    from imgcap.learning.labels.gate import Verdict
    from imgcap.learning.labels.gather import Gathered
    from imgcap.settings import Settings

Method = Literal["probe", "cache", "lora"]

_WAYS: dict[Role, tuple[Method, ...]] = {
    "classifier": ("probe", "cache", "lora"),
    "captioner": ("lora",),
}
"""By role the ways to learn; the first is the usual one."""


def fit(
    role: ForRole = "classifier",
    method: Annotated[
        Method | None,
        typer.Option(
            help="Of labels: `probe`, the usual one, moves the weights of corrected labels; "
            "`cache` remembers their pictures; `lora` also teaches the picture tower, which takes "
            "minutes. Of captions: `lora` teaches the decoder."
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only measure, and keep nothing.")
    ] = False,
    as_json: AsJson = False,
    store: StoreUrl = None,
) -> None:
    """Make an adapter of corrected and confirmed answers, and measure what it is worth.

    It is measured on pictures that it did not learn from, and answers only once it is adopted.
    """
    from imgcap.inference.adapter import Adapter
    from imgcap.learning.registry import keep_adapter

    way = method or _WAYS[role][0]
    if way not in _WAYS[role]:
        raise failure(f"A {role} is taught by --method {' or '.join(_WAYS[role])}.", FAILED)
    stopped = "Stopped; nothing was kept."
    with opened(store) as (source, given), told_all(lambda: stopped):
        settings = chosen(given, role, checkpoint)
        with (
            Bar("Looking at the judged pictures", wanted=not as_json) as bar,
            _made(role, way, source, settings, bar) as made,
        ):
            if not isinstance(made, Adapter):
                raise failure(made.sentence, FAILED)
            if not dry_run:
                keep_adapter(settings.adapters, made)
    _print(made.card, dry_run=dry_run, as_json=as_json)


def _print(card: "AdapterCard", *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(card.model_dump(mode="json") | {"kept": not dry_run}))
        return
    print_figures(card.figures)
    typer.echo(card.sentence)
    if dry_run:
        typer.echo("Nothing was kept (--dry-run).")
    elif card.passed:
        typer.echo(f"Kept. To use it: imgcap learn adopt {card.id}")
    else:
        typer.echo(f"Kept as {card.id}; it may not be adopted.")


@contextmanager
def _made(
    role: Role, way: Method, source: "Store", settings: "Settings", bar: Bar
) -> "Iterator[Adapter | Verdict]":
    """Make an adapter; its files may be gone when the context ends."""
    if role == "captioner":
        from imgcap.learning.captions.learn import learn_captions

        gathered = _captions(source, settings, bar)
        bar.say("Learning to write, and measuring it")
        with TemporaryDirectory() as folder:
            yield learn_captions(gathered, Path(folder), progress=bar.show)
    elif way == "lora":
        from imgcap.learning.tower.learn import learn_tower

        found = _labels(source, settings)
        bar.say("Teaching the picture tower, and measuring it")
        with TemporaryDirectory() as folder:
            yield learn_tower(found, source, settings, Path(folder), progress=bar.show)
    else:
        from imgcap.learning.labels.learn import learn_adapter

        yield learn_adapter(way, _labels(source, settings))


def evaluate(name: Name, as_json: AsJson = False, store: StoreUrl = None) -> None:
    """Measure an adapter on feedback that it did not learn from, given since or elsewhere."""
    from imgcap.inference.adapter import read_adapter

    with opened(store) as (source, settings), told_all():
        adapter = read_adapter(settings.adapters, name)
        with Bar("Looking at the judged pictures", wanted=not as_json) as bar:
            measure = _of_captions if adapter.card.role == "captioner" else _of_labels
            found = measure(adapter, source, settings, bar)
        if found is None:
            raise failure("There is no judged picture yet that it did not learn from.", FAILED)
    if as_json:
        typer.echo(json.dumps(found.as_dict()))
    else:
        print_figures(found.as_dict())


def _of_labels(
    adapter: "Adapter", source: "Store", settings: "Settings", bar: Bar
) -> "Evaluation | None":
    import numpy as np

    from imgcap.learning.labels.evaluation import evaluate as measure

    gathered = _labels(source, settings)
    card = adapter.card
    _check(card, gathered.checkpoint, gathered.revision)
    examples = gathered.examples
    known = set(card.records)
    learned = np.array([each in known for each in examples.ids], bool)
    new = ~np.isin(examples.groups, examples.groups[learned])
    if not new.any():
        return None
    if adapter.lora:
        from imgcap.learning.tower.evaluation import evaluate_tower

        return evaluate_tower(adapter, gathered, new, source, settings, bar.show)
    return measure(adapter.weights, examples, new, gathered.vocabulary)


def _of_captions(
    adapter: "Adapter", source: "Store", settings: "Settings", bar: Bar
) -> "CaptionEvaluation | None":
    from imgcap.learning.captions.evaluation import evaluate as measure
    from imgcap.learning.captions.writer import open_writer

    gathered = _captions(source, settings, bar)
    card = adapter.card
    _check(card, gathered.writer.checkpoint, gathered.writer.commit)
    return measure(gathered.examples, card.records, gathered.writer, open_writer(settings, card.id))


def _check(card: "AdapterCard", checkpoint: str, revision: str) -> None:
    if (checkpoint, revision) != (card.checkpoint, card.revision):
        raise failure(f"“{card.id}” was made for {card.checkpoint} in another revision.", FAILED)


def _labels(source: "Store", settings: "Settings") -> "Gathered":
    from imgcap.learning.alone import open_alone
    from imgcap.learning.labels.gather import gather

    with closing(open_alone(settings)) as engine:
        gathered = gather(source.iterate(), engine, settings)
    _tell_of_others("judged label", gathered.judged, len(gathered.examples))
    return gathered


def _captions(source: "Store", settings: "Settings", bar: Bar) -> "GatheredCaptions":
    from imgcap.learning.captions.gather import gather_captions
    from imgcap.learning.captions.writer import open_writer

    writer = open_writer(settings)
    gathered = gather_captions(source.iterate(), writer, settings, progress=bar.show)
    _tell_of_others("judged caption", gathered.judged, len(gathered.examples))
    return gathered


def _tell_of_others(what: str, judged: int, used: int) -> None:
    if used and (without := judged - used):
        tell(
            f"{counted(without, what)} cannot be learned from here: the picture was not "
            "kept, or it was judged again since."
        )
