"""`imgcap learn calibrate`: how sure the classifier may be."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from imgcap.cli.bar import Bar
from imgcap.cli.common import FAILED, failure
from imgcap.cli.feedback.ends import opened
from imgcap.cli.feedback.options import AsJson, StoreUrl
from imgcap.cli.learn.report import BIAS

if TYPE_CHECKING:
    from imgcap.inference.calibration import Calibration
    from imgcap.learning.confidence.calibrate import Outcome
    from imgcap.learning.confidence.calibration import Fit


def calibrate(
    classifier: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The checkpoint; by default that of the settings."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be learned, and keep nothing.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Only say what is in use now.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Go back to the scores as the model gives them.")
    ] = False,
    as_json: AsJson = False,
    store: StoreUrl = None,
) -> None:
    """Learn from confirmed and corrected labels how sure the classifier may be.

    It is adopted only if answers that were held out are surely told better with it.
    """
    from imgcap.inference import EngineError, open_engine
    from imgcap.inference.adopted import answering
    from imgcap.inference.calibration import Calibration, CalibrationError, stored_calibration
    from imgcap.learning.confidence.calibrate import (
        forgotten,
        keep_calibration,
        learn_calibration,
        rescoring,
    )

    with opened(store) as (source, given):
        chosen = given.classifier if classifier is None else classifier
        settings = given.model_copy(update={"classifier": chosen})
        folder = settings.calibration
        try:
            engine = open_engine(settings)
            name = engine.models["classifier"].checkpoint
            answered = (each for each in source.iterate() if each.classifier == name)
            newest = next(answered, None)
            revision = newest.classifier_revision.partition("+")[0] if newest else ""
            if adapter := answering(settings.adapters, name, revision=revision):
                revision += f"+{adapter.card.id}"
            present = stored_calibration(folder, name, revision)
        except CalibrationError as error:
            if not forget:
                raise failure(f"{error} --forget does away with it.", FAILED) from error
            present = Calibration(checkpoint=name, revision=revision)
        except EngineError as error:
            raise failure(str(error), FAILED) from error
        if show:
            typer.echo(present.model_dump_json(indent=2) if as_json else _in_use(present))
            return
        if forget:
            present = forgotten(present)
            keep_calibration(folder, present)
            typer.echo(present.model_dump_json(indent=2) if as_json else _in_use(present))
            return
        with Bar("Reading the feedback", wanted=not as_json) as bar:
            outcome = learn_calibration(
                bar.over(source.iterate()), present, rescoring(engine, settings)
            )
        if outcome.adopted and not dry_run:
            keep_calibration(folder, outcome.calibration)
    if as_json:
        typer.echo(json.dumps(_plain(outcome, kept=outcome.adopted and not dry_run)))
    else:
        _print(outcome, dry_run=dry_run)


def _in_use(calibration: "Calibration") -> str:
    """Say what a calibration does."""
    adapter = calibration.revision.partition("+")[2]
    name = f"{calibration.checkpoint}{f' with {adapter}' if adapter else ''}"
    threshold = f"“None fits” is said below {100 * calibration.none_threshold:.0f} %."
    if calibration.time is None:
        return f"{name}: scores as the model gives them (temperature 1). {threshold}"
    return (
        f"{name}: temperature {calibration.temperature:.2f}, learned from "
        f"{calibration.judged:,} judged labels on {calibration.time:%Y-%m-%d}. {threshold}"
    )


def _plain(outcome: "Outcome", *, kept: bool) -> dict[str, object]:
    return {
        "calibration": outcome.calibration.model_dump(mode="json"),
        "judged": outcome.judged,
        "temperature": outcome.temperature.as_dict(),
        "threshold": outcome.threshold.as_dict(),
        "kept": kept,
    }


def _print(outcome: "Outcome", *, dry_run: bool) -> None:
    from imgcap.cli.feedback.ends import counted

    name = outcome.calibration.checkpoint
    typer.echo(f"{name}: {counted(outcome.judged, 'judged label')} to learn from")
    _print_fit(outcome.temperature, "nats")
    _print_fit(outcome.threshold, "balanced accuracy")
    if outcome.judged:
        typer.echo(BIAS)
    if outcome.adopted:
        typer.echo("Nothing was kept (--dry-run)." if dry_run else _in_use(outcome.calibration))


def _print_fit(fit: "Fit", unit: str) -> None:
    typer.echo(fit.sentence)
    if fit.before and fit.after:
        before, after = fit.before, fit.after
        typer.echo(f"  negative log-likelihood  {before.nll:.3f} -> {after.nll:.3f}, held out")
        typer.echo(f"  calibration error        {before.ece:.3f} -> {after.ece:.3f}, held out")
    if fit.gain:
        gain = fit.gain
        typer.echo(
            f"  gain {gain.mean:+.3f} {unit} (95 % interval {gain.low:+.3f} to {gain.high:+.3f})"
        )
