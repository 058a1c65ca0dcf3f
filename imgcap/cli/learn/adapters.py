"""`imgcap learn fit|list|evaluate|adopt|rollback|delete`: adapters beside the classifier."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imgcap.cli.bar import Bar
from imgcap.cli.common import FAILED, failure, read_settings, tell
from imgcap.cli.feedback.ends import counted, opened, told
from imgcap.cli.feedback.options import AsJson, StoreUrl
from imgcap.cli.learn.report import print_figures, table_of

if TYPE_CHECKING:
    from imgcap.feedback import Store
    from imgcap.learning.gather import Gathered
    from imgcap.settings import Settings

Name = Annotated[str, typer.Argument(metavar="ID", help="The adapter, as `list` names it.")]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--classifier", metavar="NAME", help="The checkpoint; by default that of the settings."
    ),
]


def fit(
    method: Annotated[
        Literal["probe", "cache"],
        typer.Option(
            help="`probe` moves the weights of corrected labels; `cache` remembers their pictures."
        ),
    ] = "probe",
    classifier: Checkpoint = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only measure, and keep nothing.")
    ] = False,
    as_json: AsJson = False,
    store: StoreUrl = None,
) -> None:
    """Make an adapter of corrected and confirmed labels, and measure what it is worth.

    It is measured on pictures that it did not learn from, and answers only once it is adopted.
    """
    from imgcap.inference.adapter import Adapter
    from imgcap.learning.learn import learn_adapter
    from imgcap.learning.registry import keep_adapter

    stopped = "Stopped; nothing was kept."
    with opened(store) as (source, given), _told(lambda: stopped):
        settings = _with_classifier(given, classifier)
        with Bar("Looking at the judged pictures", wanted=not as_json):
            gathered = _gathered(source, settings)
            made = learn_adapter(method, gathered)
        if not isinstance(made, Adapter):
            raise failure(made.sentence, FAILED)
        if not dry_run:
            keep_adapter(settings.adapters, made)
        card = made.card
        if as_json:
            plain = card.model_dump(mode="json") | {"kept": not dry_run}
            typer.echo(json.dumps(plain))
            return
        print_figures(card.figures)
        typer.echo(card.sentence)
        if dry_run:
            typer.echo("Nothing was kept (--dry-run).")
        elif card.passed:
            typer.echo(f"Kept. To use it: imgcap learn adopt {card.id}")
        else:
            typer.echo(f"Kept as {card.id}; it may not be adopted.")


def list_(as_json: AsJson = False, store: StoreUrl = None) -> None:
    """Show the adapters, which of them answers, and whether their feedback is still there."""
    from imgcap.inference.adapter import read_adopted
    from imgcap.learning.registry import kept_adapters

    with opened(store) as (source, settings), _told():
        cards, problems = kept_adapters(settings.adapters)
        adopted = read_adopted(settings.adapters)
        rows = []
        for card in cards:
            there = len(source.get(card.records))
            rows.append(
                {
                    "id": card.id,
                    "checkpoint": card.checkpoint,
                    "revision": card.revision,
                    "time": card.time.isoformat(),
                    "labels": len(card.labels),
                    "records": len(card.records),
                    "deleted": len(card.records) - there,
                    "passed": card.passed,
                    "adopted": adopted.by(card.checkpoint) == card.id,
                    "sentence": card.sentence,
                }
            )
    for problem in problems:
        tell(problem)
    if as_json:
        typer.echo(json.dumps(rows))
    elif not rows:
        typer.echo("There is no adapter yet; `imgcap learn fit` makes one.")
    else:
        for line in table_of(rows):
            typer.echo(line)


def evaluate(name: Name, as_json: AsJson = False, store: StoreUrl = None) -> None:
    """Measure an adapter on feedback that it did not learn from, given since or elsewhere."""
    import numpy as np

    from imgcap.inference.adapter import read_adapter
    from imgcap.learning.evaluation import evaluate as measure

    with opened(store) as (source, given), _told():
        adapter = read_adapter(given.adapters, name)
        settings = _with_classifier(given, None)
        gathered = _gathered(source, settings)
        card = adapter.card
        if (gathered.checkpoint, gathered.revision) != (card.checkpoint, card.revision):
            raise failure(f"“{name}” was made for {card.checkpoint} in another revision.", FAILED)
        if adapter.weights is None:
            raise failure(f"“{name}” is measured when it is made, and not again.", FAILED)
        examples = gathered.examples
        known = set(card.records)
        learned = np.array([each in known for each in examples.ids], bool)
        new = ~np.isin(examples.groups, examples.groups[learned])
        if not new.any():
            raise failure("There is no judged picture yet that it did not learn from.", FAILED)
        found = measure(adapter.weights, examples, new, gathered.vocabulary)
    if as_json:
        typer.echo(json.dumps(found.as_dict()))
    else:
        print_figures(found.as_dict())


def adopt(name: Name) -> None:
    """Let an adapter answer from now on, in every open page."""
    from imgcap.learning import registry

    with _told():
        card = registry.adopt(read_settings().adapters, name)
    typer.echo(f"{card.checkpoint} answers with {card.id} from now on.")


def rollback(classifier: Checkpoint = None) -> None:
    """Take back what was adopted last: the adapter before it answers, or the checkpoint alone."""
    from imgcap.inference.checkpoints import display_name
    from imgcap.learning import registry

    settings = _with_classifier(read_settings(), classifier)
    checkpoint = display_name(settings.classifier, "classifier")
    with _told():
        last, now = registry.rollback(settings.adapters, checkpoint)
    typer.echo(f"{last} is taken back; {checkpoint} answers {f'with {now}' if now else 'alone'}.")


def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete an adapter for good."""
    from imgcap.learning import registry

    if not yes and not typer.confirm(f"Delete {name} for good?", err=True):
        raise failure("Nothing was deleted.", FAILED)
    with _told():
        registry.delete(read_settings().adapters, name)
    typer.echo(f"Deleted {name}.")


def _with_classifier(settings: "Settings", classifier: str | None) -> "Settings":
    chosen = settings.classifier if classifier is None else classifier
    return settings.model_copy(update={"classifier": chosen})


def _gathered(source: "Store", settings: "Settings") -> "Gathered":
    from imgcap.learning.alone import open_alone
    from imgcap.learning.gather import gather

    with closing(open_alone(settings)) as engine:
        gathered = gather(source.iterate(), engine, settings)
    without = gathered.judged - len(gathered.examples)
    if without and len(gathered.examples):
        tell(
            f"{counted(without, 'judged label')} cannot be learned from here: the picture was not "
            "kept, or it was judged again since."
        )
    return gathered


@contextmanager
def _told(stopped: Callable[[], str] | None = None) -> Iterator[None]:
    """End the command with one sentence on any failure of feedback, model or adapter."""
    from imgcap.inference import EngineError

    try:
        with told(stopped=stopped):
            yield
    except EngineError as error:
        raise failure(str(error), FAILED) from error
