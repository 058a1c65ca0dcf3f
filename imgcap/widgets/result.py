"""What the models said about the picture on screen: caption, summary, table; to copy and keep."""

import csv
import io
import json
from html import escape

from imgcap.feedback.csv.neutralise import neutralise
from imgcap.inference import Description
from imgcap.inference.summary import percent
from imgcap.widgets.browser import CopyButton, DownloadButton
from imgcap.widgets.elements import Card, markup, row
from imgcap.widgets.state import AppState

EMPTY = '<p class="imgcap-muted">The answers appear here as soon as there is a picture.</p>'
CANCELLED = "Cancelled: “Try again” goes on."
_ROLES = {"classifier": "Labels", "captioner": "Caption"}
_STEPS = {"classifier": "classify", "captioner": "caption"}


class ResultPanel(Card):
    """The answers as text and table.

    Parameters
    ----------
    state : AppState
        Whose description is shown.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("What it shows", "result")
        self._state = state
        self.answers = markup()
        self.copy_caption = CopyButton(label="Copy caption")
        self.copy_summary = CopyButton(label="Copy summary")
        self.json = DownloadButton(
            label="JSON",
            file_name="result.json",
            mime="application/json",
            make=lambda: result_json(self._description()),
            on_error=state.report,
        )
        self.csv = DownloadButton(
            label="CSV",
            file_name="result.csv",
            mime="text/csv",
            make=lambda: result_csv(self._description()),
            on_error=state.report,
        )
        self.actions = row(self.copy_caption, self.copy_summary, self.json, self.csv)
        self.fill(self.answers, self.actions)
        state.observe(
            state.guarded(self._show), ["selected", "description", "statuses", "paused", "top"]
        )
        self._show()

    def _description(self) -> Description:
        description: Description | None = self._state.description
        if description is None:
            raise RuntimeError("There is no result to download.")
        return description

    def _show(self, _change: object = None) -> None:
        state = self._state
        description = state.description
        self.actions.layout.display = None if description else "none"
        if state.picture is None:
            self.answers.value = EMPTY
            return
        self.copy_caption.text = description.caption if description else ""
        self.copy_summary.text = description.summary if description else ""
        status = state.statuses.get(state.selected, "waiting")
        if state.paused and status == "waiting":
            status = CANCELLED
        self.answers.value = answers(description, status, state.top)


def answers(description: Description | None, status: str, top: int) -> str:
    """Return the markup of all that is known so far.

    Parameters
    ----------
    description : Description or None
        What is known.
    status : str
        ``waiting``, ``working`` or ``done``; anything else says why an answer is missing.
    top : int
        Rows of the table.
    """
    working = status in {"waiting", "working"}
    failed = "" if working or status == "done" else status
    pending = '<span class="imgcap-pending">{}</span>' if working else ""
    caption = description.caption if description else ""
    parts = ['<div aria-live="polite">']
    if caption or pending:
        words = escape(caption) or pending.format("Writing a caption …")
        parts.append(f'<p class="imgcap-caption">{words}</p>')
    if description and description.summary:
        parts.append(f'<p class="imgcap-summary">{escape(description.summary)}</p>')
    elif pending:
        parts.append(f"<p>{pending.format('Comparing with the labels …')}</p>")
    if failed:
        parts.append(f'<p class="imgcap-message" role="alert">{escape(failed)}</p>')
    parts.append("</div>")
    if description:
        parts += [table(description, top), credits_line(description)]
    return "".join(parts)


def table(description: Description, top: int) -> str:
    """Return the best predictions as a table with bars."""
    best = description.predictions[:top]
    rows = "".join(
        f"<tr><td>{escape(p.label)}</td><td>{percent(p.score)}</td>"
        f'<td aria-hidden="true"><i class="imgcap-bar" style="width:{p.score:.1%}"></i></td></tr>'
        for p in best
    )
    if not rows:
        return ""
    left = len(description.predictions) - len(best)
    more = f'<p class="imgcap-muted">… and {left:,} more labels</p>' if left else ""
    head = "<tr><th>Label</th><th>Confidence</th><th></th></tr>"
    return f'<table class="imgcap-table"><thead>{head}</thead><tbody>{rows}</tbody></table>{more}'


def credits_line(description: Description) -> str:
    """Say which checkpoint answered what, and how long it took."""
    parts = [
        f"{_ROLES[role]}: {escape(model)}, {description.ms[_STEPS[role]]:,.0f} ms"
        for role, model in description.models.items()
    ]
    return f'<p class="imgcap-muted">{" · ".join(parts)}</p>'


def result_json(description: Description) -> bytes:
    """Return a description as a JSON document with every label."""
    facts = {
        "sha256": description.sha256,
        "width": description.width,
        "height": description.height,
    }
    text = json.dumps(description.as_dict() | facts, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "backslashreplace")


def result_csv(description: Description) -> bytes:
    """Return one row a label, best first, as spreadsheets read it; without labels one row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["file", "caption", "rank", "label", "score"])
    file, caption = neutralise(description.name), neutralise(description.caption)
    for rank, prediction in enumerate(description.predictions, 1):
        label = neutralise(prediction.label)
        writer.writerow([file, caption, rank, label, f"{prediction.score:.6f}"])
    if not description.predictions:
        writer.writerow([file, caption, "", "", ""])
    return buffer.getvalue().encode("utf-8-sig", "backslashreplace")
