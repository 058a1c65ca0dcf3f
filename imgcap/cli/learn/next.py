"""`imgcap learn next`: which pictures to label next."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from imgcap.cli.common import FAILED, USAGE, failure, tell
from imgcap.cli.feedback.ends import opened
from imgcap.cli.feedback.options import AsJson, StoreUrl
from imgcap.cli.labels import LabelFile, LabelTexts, choose_labels
from imgcap.percentages import percent

if TYPE_CHECKING:
    from imgcap.cli.outcomes import StatusBar
    from imgcap.images import Picture, PictureError
    from imgcap.inference import Engine
    from imgcap.learning.sampling import Candidate, Choice
    from imgcap.sources import Source

_FEWEST_LABELS: Final = 2


def next_(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER", help="Folders of pictures, or pictures.", show_default=False
        ),
    ],
    count: Annotated[int, typer.Option(min=1, help="How many to name.")] = 10,
    label: LabelTexts = None,
    labels: LabelFile = None,
    as_json: AsJson = False,
    store: StoreUrl = None,
) -> None:
    """Say which pictures would teach the most if someone said what they show.

    Pictures that were judged already are left out, and so are those that are nearly equal to
    one that was. Without --label and --labels the candidate labels are those the app starts with.
    """
    from imgcap.cli.outcomes import StatusBar
    from imgcap.images import printable
    from imgcap.inference import EngineError, open_engine
    from imgcap.learning import FEWEST
    from imgcap.learning.known import known_pictures
    from imgcap.learning.sampling import choose
    from imgcap.sources import find_sources, open_ahead

    with opened(store) as (source, settings):
        candidates = choose_labels(label, labels, settings)
        if len(candidates) < _FEWEST_LABELS:
            raise failure("It takes at least two labels, to choose between.", USAGE)
        try:
            with (
                StatusBar() as status,
                closing(open_engine(settings, status.tell)) as engine,
                closing(open_ahead(status.count(find_sources(paths, settings)), settings)) as given,
            ):
                album = _look(given, engine, candidates, status)
                if len(album.pool) < FEWEST:
                    raise failure(f"It takes {FEWEST} pictures or more to choose from.", FAILED)
                known = known_pictures(source.iterate(), engine, settings, album.revision)
        except EngineError as error:
            raise failure(str(error), FAILED) from error
    choices = choose(album.pool, known.ids, known.seen, count)
    rows = [_row(choice, album.files[choice.candidate.id]) for choice in choices]
    if as_json:
        typer.echo(json.dumps(rows))
    elif not rows:
        typer.echo("Every picture was judged already, or is nearly equal to one that was.")
    else:
        for line in _table(rows):
            typer.echo(printable(line))
    if album.failed:
        raise typer.Exit(FAILED)


@dataclass
class _Album:
    """The pictures, and the file of each by its id; equal pictures are one."""

    pool: "list[Candidate]" = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    revision: str = ""
    failed: bool = False


def _look(
    given: "Iterable[tuple[Source, Picture | PictureError]]",
    engine: "Engine",
    labels: Sequence[str],
    status: "StatusBar",
) -> _Album:
    from imgcap.batches import in_batches
    from imgcap.images import Picture
    from imgcap.learning.embeddings import Seen, perceptual_hash
    from imgcap.learning.sampling import Candidate

    album = _Album()
    for batch in in_batches(given):
        pictures: list[Picture] = []
        for source, result in batch:
            if not isinstance(result, Picture):
                album.failed = True
                with status.aside(error=True):
                    tell(str(result))
            elif result.sha256 not in album.files:
                album.files[result.sha256] = source.file
                pictures.append(result)
        if pictures:
            answers = engine.classify(pictures, labels)
            for picture, answer, vector in zip(
                pictures, answers, engine.embed(pictures), strict=True
            ):
                seen = Seen(vector, perceptual_hash(picture.reduced))
                album.pool.append(Candidate(picture.sha256, seen, answer.predictions[:2]))
                album.revision = answer.revision
        status.advance(len(batch))
    return album


def _row(choice: "Choice", file: str) -> dict[str, Any]:
    best = choice.candidate.predictions[0]
    return {"file": file, "label": best.label, "score": best.score, "reason": choice.reason}


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    cells = [
        (row["file"], row["label"], percent(row["score"]).replace("\N{NO-BREAK SPACE}", " "))
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for (file, label, score), row in zip(cells, rows, strict=True):
        first, second, third = widths
        yield f"{file:<{first}}  {label:<{second}}  {score:>{third}}  {row['reason']}"
