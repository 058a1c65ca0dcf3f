"""`imgcap models`: the checkpoints, and where each one is."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgcap.cli.common import plain_console, read_settings
from imgcap.settings import Settings

if TYPE_CHECKING:
    from imgcap.inference.checkpoints import Checkpoint
    from imgcap.inference.events import Role


def models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the known checkpoints, where each is, and whether it is present."""
    rows = list(_list_checkpoints(read_settings()))
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Checkpoint", "For", "Present", "Size", "Lang."):
        table.add_column(column, overflow="fold", justify="right" if column == "Size" else "left")
    for row in rows:
        table.add_row(
            row["id"] + (" *" if row["chosen"] else ""),
            row["role"],
            "yes" if row["present"] else "no",
            f"{row['megabytes']:,} MB" if row["megabytes"] else "",
            ", ".join(row["languages"]),
        )
    console = plain_console()
    console.print(table)
    for row in rows:
        console.print(f"\n{row['id']}\n  {row['purpose']}", soft_wrap=True)
        console.print(f"  licence: {row['licence']}", soft_wrap=True)
        if row["revision"]:
            console.print(f"  revision: {row['revision']}", soft_wrap=True)
        console.print(f"  {row['where']}", soft_wrap=True)
    console.print("\n* in use; choose with IMGCAP_CLASSIFIER and IMGCAP_CAPTIONER", soft_wrap=True)


def _list_checkpoints(settings: Settings) -> Iterator[dict[str, Any]]:
    """Describe the registry and the chosen checkpoints that it does not hold, as plain values."""
    from imgcap.inference.checkpoints import REGISTRY, Checkpoint, display_name, is_present

    chosen: set[tuple[str, Role]] = {
        (display_name(settings.classifier, "classifier"), "classifier"),
        (display_name(settings.captioner, "captioner"), "captioner"),
    }
    others = [
        Checkpoint(name, role, "", "see its own page", 0, (), "chosen by you")
        for name, role in chosen
        if (name, role) not in {(entry.id, entry.role) for entry in REGISTRY}
    ]
    for entry in [*REGISTRY, *others]:
        name = "embedded" if entry.embedded else entry.id
        row = asdict(entry)
        row["languages"] = list(entry.languages)
        row["where"] = _find_checkpoint(name, entry, settings)
        row["present"] = is_present(name, entry.role, settings)
        row["chosen"] = (entry.id, entry.role) in chosen
        yield row


def _find_checkpoint(name: str, entry: "Checkpoint", settings: Settings) -> str:
    from imgcap.inference.checkpoints import local_folder
    from imgcap.inference.errors import ModelError
    from imgcap.inference.hub_cache import find_cached

    try:
        folder = local_folder(name, entry.role, settings)
    except ModelError:
        return str(settings.data / "models" / entry.id) if entry.embedded else name
    location = None if folder else find_cached(name, entry.revision)
    return str(folder or (location and location.folder) or f"https://huggingface.co/{name}")
