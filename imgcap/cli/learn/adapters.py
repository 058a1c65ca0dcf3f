"""`imgcap learn list|adopt|rollback|delete`: the adapters there are."""

import json
from typing import Annotated

import typer

from imgcap.cli.common import FAILED, failure, read_settings, tell
from imgcap.cli.feedback.ends import opened
from imgcap.cli.feedback.options import AsJson, StoreUrl
from imgcap.cli.learn.ends import told_all
from imgcap.cli.learn.options import Checkpoint, ForRole, Name, chosen
from imgcap.cli.learn.report import table_of


def list_(as_json: AsJson = False, store: StoreUrl = None) -> None:
    """Show the adapters, which of them answers, and whether their feedback is still there."""
    from imgcap.inference.adopted import read_adopted
    from imgcap.learning.forgotten import deleted_records
    from imgcap.learning.registry import kept_adapters

    with opened(store) as (source, settings), told_all():
        cards, problems = kept_adapters(settings.adapters)
        adopted = read_adopted(settings.adapters)
        deleted = deleted_records(cards, source)
        rows = [
            {
                "id": card.id,
                "role": card.role,
                "kind": card.kind,
                "checkpoint": card.checkpoint,
                "revision": card.revision,
                "time": card.time.isoformat(),
                "labels": len(card.labels),
                "records": len(card.records),
                "deleted": deleted[card.id],
                "passed": card.passed,
                "adopted": adopted.by(card.checkpoint) == card.id,
                "sentence": card.sentence,
            }
            for card in cards
        ]
    for problem in problems:
        tell(problem)
    if as_json:
        typer.echo(json.dumps(rows))
    elif not rows:
        typer.echo("There is no adapter yet; `imgcap learn fit` makes one.")
    else:
        for line in table_of(rows):
            typer.echo(line)


def adopt(name: Name) -> None:
    """Let an adapter answer from now on, in every open page."""
    from imgcap.learning import registry

    with told_all():
        card = registry.adopt(read_settings().adapters, name)
    typer.echo(f"{card.checkpoint} answers with {card.id} from now on.")


def rollback(role: ForRole = "classifier", checkpoint: Checkpoint = None) -> None:
    """Take back what was adopted last: the adapter before it answers, or the checkpoint alone."""
    from imgcap.inference.checkpoints import display_name
    from imgcap.learning import registry

    settings = chosen(read_settings(), role, checkpoint)
    choice = settings.classifier if role == "classifier" else settings.captioner
    name = display_name(choice, role)
    with told_all():
        last, now = registry.rollback(settings.adapters, name)
    typer.echo(f"{last} is taken back; {name} answers {f'with {now}' if now else 'alone'}.")


def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete an adapter for good."""
    from imgcap.learning import registry

    if not yes and not typer.confirm(f"Delete {name} for good?", err=True):
        raise failure("Nothing was deleted.", FAILED)
    settings = read_settings()
    with told_all():
        registry.delete(settings.adapters, name, settings.calibration)
    typer.echo(f"Deleted {name}.")
