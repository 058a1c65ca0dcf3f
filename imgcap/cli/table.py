"""`imgcap describe --out`: what pictures show as a table in a file, in runs that may be stopped."""

from collections.abc import Sequence
from pathlib import Path

import typer

from imgcap.cli.common import FAILED, INTERRUPTED, USAGE, failure, tell
from imgcap.cli.outcomes import StatusBar
from imgcap.cli.work import describing
from imgcap.inference import CaptionOptions, ClassifyOptions, EngineError
from imgcap.inference.adopted import ADOPTED
from imgcap.inference.calibration import calibration_file
from imgcap.inference.checkpoints import display_name
from imgcap.results_file import ResultsError, ResultsRun, format_of, question_digest
from imgcap.settings import Settings
from imgcap.sources import find_sources


def write_table(
    out: Path,
    paths: Sequence[str],
    settings: Settings,
    labels: Sequence[str] | None,
    top: int,
    *,
    with_caption: bool,
    overwrite: bool,
    workers: int | None,
) -> None:
    """Describe pictures into a results file, going on where an earlier run was stopped."""
    question = _digest(settings, labels, top, with_caption=with_caption)
    try:
        format_of(out)
        sources = list(find_sources(paths, settings))
        with ResultsRun.opened(out, sources, question, top=top, overwrite=overwrite) as run:
            failed = _describe(
                run, settings, labels, with_caption=with_caption, out=out, workers=workers
            )
    except ResultsError as error:
        raise failure(str(error), USAGE) from error
    except EngineError as error:
        raise failure(str(error), FAILED) from error
    if failed:
        raise typer.Exit(FAILED)


def _describe(
    run: ResultsRun,
    settings: Settings,
    labels: Sequence[str] | None,
    *,
    with_caption: bool,
    out: Path,
    workers: int | None,
) -> int:
    try:
        if run.todo:
            _describe_rest(run, settings, labels, with_caption=with_caption, workers=workers)
    except KeyboardInterrupt as error:
        done = f"{run.done:,} of {run.total:,}"
        sentence = f"Stopped; {done} pictures are kept: the same command goes on from there."
        raise failure(sentence, INTERRUPTED) from error
    failed = run.finish()
    kept = f", {run.kept:,} of them from before" if run.kept else ""
    wrong = f"; {failed:,} of them failed" if failed else ""
    pictures = "1 picture" if run.total == 1 else f"{run.total:,} pictures"
    tell(f"“{out}” holds {pictures}{kept}{wrong}.")
    return failed


def _describe_rest(
    run: ResultsRun,
    settings: Settings,
    labels: Sequence[str] | None,
    *,
    with_caption: bool,
    workers: int | None,
) -> None:
    with (
        StatusBar() as status,
        describing(
            settings,
            run.todo,
            labels,
            status,
            with_caption=with_caption,
            batches_before=run.batches_before,
            workers=workers,
        ) as batches,
    ):
        for batch in batches:
            run.add(batch)
            for outcome in batch:
                if outcome.error:
                    with status.aside(error=True):
                        tell(outcome.error)
            status.advance(len(batch))


def _digest(
    settings: Settings, labels: Sequence[str] | None, top: int, *, with_caption: bool
) -> str:
    """Return the digest of all that a row depends on, beside the picture."""
    parts: list[object] = [settings.engine, settings.dtype, settings.max_upload_mb]
    parts.append(settings.max_pixels)
    if labels is not None:
        parts += [settings.classifier, list(labels), top, repr(ClassifyOptions())]
        checkpoint = display_name(settings.classifier, "classifier")
        learned = calibration_file(settings.calibration, checkpoint)
        files = [settings.adapters / ADOPTED, *sorted(learned.parent.glob(f"{learned.stem}*.json"))]
        parts += [file.read_text("utf-8") for file in files if file.is_file()]
    if with_caption:
        parts += [settings.captioner, repr(CaptionOptions())]
    return question_digest(parts)
