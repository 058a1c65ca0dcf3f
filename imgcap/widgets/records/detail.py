"""One record in full, and what is said above the rows."""

from collections.abc import Iterator
from html import escape

from imgcap.feedback import FeedbackRecord, Page, Summary
from imgcap.percentages import percent
from imgcap.widgets.elements import plain

EMPTY = "<p>No feedback yet: yours would be the first.</p>"


def details(record: FeedbackRecord) -> str:
    """Return everything that a person might want to know of a record, as markup."""
    title = f"Feedback of {record.time:%Y-%m-%d %H:%M:%S} UTC"
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{words}</dd></div>" for name, words in _facts(record) if words
    )
    # It can be scrolled, so it must be reached by keyboard.
    return (
        f'<section class="imgcap-record" tabindex="0" aria-label="{title}">'
        f"<h3>{title}</h3><dl>{facts}</dl></section>"
    )


def figures(summary: Summary) -> str:
    """Return the counts that stand above the grid."""
    mean = summary.mean_rating
    if mean is None:
        return EMPTY
    each = " · ".join(f"{stars}:&nbsp;{count:,}" for stars, count in enumerate(summary.ratings, 1))
    return (
        f"<p><strong>{summary.count:,}</strong> in all, mean rating <strong>{mean:.1f}</strong> "
        f'of 5 <span class="imgcap-muted">({each})</span></p>'
    )


def remark(page: Page, summary: Summary, *, narrow: bool = False) -> str:
    """Say what the rows leave out, if anything."""
    parts = []
    if narrow:
        parts.append(f"{page.total:,} of {max(summary.count, page.total):,} match.")
    if summary.unreadable:
        count = len(summary.unreadable)
        rows = "row" if count == 1 else "rows"
        parts.append(f"{count:,} {rows} cannot be read. {summary.unreadable[0]}")
    return " ".join(parts)


def _facts(record: FeedbackRecord) -> Iterator[tuple[str, str]]:
    """Yield name and markup of each part; the markup of what is not there is empty."""
    stars = "★" * record.rating + "☆" * (5 - record.rating)
    yield "Rating", f'<span aria-hidden="true">{stars}</span> {record.rating} of 5'
    yield "Comment", _text(record.comment)
    yield "Right label", _text(record.corrected_label)
    yield "Right caption", _text(record.corrected_caption)
    yield "Predictions", _predictions(record)
    yield "Caption", _text(record.caption)
    size = f"{record.picture_width} × {record.picture_height} pixels"
    edits = f"edited in {len(record.edits)} steps" if record.edits else ""
    kept = "a copy is kept" if record.picture_file else ""
    yield (
        "Picture",
        _listed(record.picture_name, size if record.picture_width else "", edits, kept),
    )
    yield "Labels from", _model(record.classifier, record.classifier_revision, record.classify_ms)
    yield "Caption from", _model(record.captioner, record.captioner_revision, record.caption_ms)
    yield "Labels asked", _listed(*record.labels)
    yield "Prompts", _listed(*record.templates)
    yield "Page", _text(record.session)
    yield "Id", str(record.id)


def _predictions(record: FeedbackRecord) -> str:
    each = (f"<li>{_text(it.label)}: {percent(it.score)}</li>" for it in record.predictions)
    return f"<ul>{''.join(each)}</ul>" if record.predictions else ""


def _model(name: str, revision: str, milliseconds: float | None) -> str:
    took = "" if milliseconds is None else f"{milliseconds:,.0f} ms"
    return _listed(name, f"revision {revision}" if revision else "", took)


def _listed(*parts: str) -> str:
    return " · ".join(_text(part) for part in parts if part)


def _text(text: str) -> str:
    return escape(plain(text))
