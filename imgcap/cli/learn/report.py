"""What was measured of adapters, as a person reads it in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import typer

BIAS: Final = (
    "People choose what they judge, and mistakes ask for it more than successes do: the figures "
    "are about answers that people judge."
)
_PARTS: Final = {
    "everything": "all judged pictures",
    "corrected": "of corrected labels",
    "untouched": "of labels nobody corrected",
}
_CAPTION_PARTS: Final = {
    "everything": "all judged captions",
    "corrected": "corrected ones",
    "untouched": "rated good as they were",
}


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print an evaluation: what was measured before and after, on pictures that were held out."""
    captions = "cider" in figures["everything"]["before"]
    for line in _caption_lines(figures) if captions else _lines(figures):
        typer.echo(line)


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{'held out':<28}{'pictures':>8}  {'accuracy':>14}  {'by label':>14}  {'ECE':>14}  "
        "gain in points (95 % interval)"
    )
    for part, name in _PARTS.items():
        if not (row := figures[part]):
            continue
        pairs = [
            f"{row['before'][each]:.3f} > {row['after'][each]:.3f}"
            for each in ("accuracy", "macro_accuracy", "ece")
        ]
        gain = row["gain"]
        yield (
            f"{name:<28}{row['pictures']:>8,}  "
            + "  ".join(f"{pair:>14}" for pair in pairs)
            + f"  {100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        )
    yield f"McNemar's test: p = {figures['everything']['mcnemar']:.3g}"
    if figures["repaired"] is not None and figures["broken"] is not None:
        text = (
            f"Of wrong answers it repairs {100 * figures['repaired']:.1f} %, of right ones it "
            f"spoils {100 * figures['broken']:.1f} %"
        )
        if figures["break_even"] is not None:
            text += f": of use if more than {100 * figures['break_even']:.0f} % are wrong"
        yield f"{text}."
        yield (
            f"Weighed for {100 * figures['errors']:.0f} % wrong answers, as the scores say: "
            f"{100 * figures['weighed']:+.1f} points."
        )
    yield BIAS


def _caption_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{'held out':<28}{'pictures':>8}  {'CIDEr':>14}  {'token F1':>14}  "
        "gain in CIDEr (95 % interval)"
    )
    for part, name in _CAPTION_PARTS.items():
        if not (row := figures[part]):
            continue
        pairs = [
            f"{row['before'][each]:.3f} > {row['after'][each]:.3f}" for each in ("cider", "f1")
        ]
        gain = row["gain"]
        yield (
            f"{name:<28}{row['pictures']:>8,}  "
            + "  ".join(f"{pair:>14}" for pair in pairs)
            + f"  {gain['mean']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
        )
    yield BIAS


def table_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a list of adapters."""
    for row in rows:
        state = "answers now" if row["adopted"] else "may be adopted" if row["passed"] else "kept"
        yield f"{row['id']}  {state}"
        taught = "captions" if row["role"] == "captioner" else f"{row['labels']:,} labels"
        yield (
            f"  {row['checkpoint']}, {taught} from {row['records']:,} records, "
            f"{row['time'][:16].replace('T', ' ')} UTC"
        )
        yield f"  {row['sentence']}"
        if row["deleted"]:
            yield (
                f"  {row['deleted']:,} of its records are deleted, or in another store: it still "
                "knows what they taught."
            )
