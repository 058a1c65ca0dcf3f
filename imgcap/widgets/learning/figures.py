"""What was measured of an adapter, as the page shows it: a table, a gain, and parts to draw."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from imgcap.charts.learning import Compared, points
from imgcap.feedback.statistics import Accuracy, accuracy_of
from imgcap.percentages import SIGN, share_percent

_PARTS: Final = {
    "everything": "All judged pictures",
    "corrected": "Of corrected labels",
    "untouched": "Of other labels",
}
_HEAD: Final = (
    "Pictures nobody had shown it",
    "Judged",
    "Right",
    "Right, label by label",
    "Calibration error",
    "Gain (95" + SIGN + " interval)",
)
_CAPTION_PARTS: Final = {
    "everything": "All judged captions",
    "corrected": "Corrected ones",
    "untouched": "Rated good",
}
_CAPTION_HEAD: Final = (
    "Pictures nobody had shown it",
    "Judged",
    "Nearness to what people wrote (CIDEr)",
    "Words in common",
    "Gain in CIDEr (95" + SIGN + " interval)",
)
_SURE, _VERY_SURE = 0.05, 0.001


def compared(figures: Mapping[str, Any]) -> list[Compared]:
    """Return what an adapter's figures say of each part; nothing if they say something else."""
    try:
        return [
            Compared(
                _PARTS[part],
                _accuracy(row["before"], row["pictures"]),
                _accuracy(row["after"], row["pictures"]),
                *(float(row["gain"][key]) for key in ("mean", "low", "high")),
            )
            for part, row in _parts(figures)
        ]
    except (KeyError, TypeError, ValueError):
        return []


def _accuracy(measures: Mapping[str, Any], pictures: int) -> Accuracy:
    return accuracy_of(round(measures["accuracy"] * pictures), pictures)


def measured(figures: Mapping[str, Any]) -> str:
    """Return markup of a table of before and after; of labels, also how likely that is chance."""
    try:
        if "cider" in figures["everything"]["before"]:
            return _table(_CAPTION_HEAD, [*_caption_rows(figures)])
        note = chance(float(figures["everything"]["mcnemar"]))
        return f'{_table(_HEAD, [*_rows(figures)])}<p class="imgcap-muted">{note}</p>'
    except (KeyError, TypeError, ValueError):  # of a version that tells them in another way
        return ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        '<div class="imgcap-scroll" role="group" tabindex="0" aria-label="Before and after">'
        f'<table class="imgcap-table"><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>'
        "</div>"
    )


def _rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for part, (key, row) in zip(compared(figures), _parts(figures), strict=True):
        changes = (
            f"{share_percent(row['before'][name], 1)} → {share_percent(row['after'][name], 1)}"
            for name in ("accuracy", "macro_accuracy", "ece")
        )
        yield _PARTS[key], f"{row['pictures']:,}", *changes, points(part)


def _caption_rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, row in _parts(figures):
        before, after = row["before"], row["after"]
        yield (
            _CAPTION_PARTS[key],
            f"{row['pictures']:,}",
            f"{before['cider']:.2f} → {after['cider']:.2f}",
            f"{share_percent(before['f1'])} → {share_percent(after['f1'])}",
            _cider(row["gain"]),
        )


def _cider(gain: Mapping[str, float]) -> str:
    return f"{gain['mean']:+.2f} ({gain['low']:+.2f} to {gain['high']:+.2f})"


def _parts(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(key, figures[key]) for key in _PARTS if figures[key]]


def chance(p: float) -> str:
    """Say what McNemar's test says."""
    figure = f"p = {p:.3f}" if p >= _VERY_SURE else "p &lt; 0.001"
    how = "may well be" if p >= _SURE else "is hardly" if p < _VERY_SURE else "is unlikely to be"
    return f"The difference {how} chance (McNemar’s test, {figure})."


def gain_of(figures: Mapping[str, Any]) -> str:
    """Say what was gained over all that was measured."""
    if parts := compared(figures):
        return points(parts[0])
    try:
        return f"CIDEr {_cider(figures['everything']['gain'])}"
    except (KeyError, TypeError, ValueError):
        return ""
