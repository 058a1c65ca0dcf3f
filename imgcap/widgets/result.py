"""What the models said about the picture on screen: caption, summary, table; to copy and keep."""

import csv
import io
import json
from collections.abc import Sequence
from html import escape

from imgcap.edits import Edit
from imgcap.inference import Description
from imgcap.neutralise import neutralise
from imgcap.percentages import percent
from imgcap.widgets.alt_text import AltTextButton
from imgcap.widgets.browser import CopyButton, DownloadButton
from imgcap.widgets.elements import Card, row
from imgcap.widgets.stage import Place, Scene, Stage
from imgcap.widgets.state import AppState

EMPTY = '<p class="imgcap-muted">The answers appear here as soon as there is a picture.</p>'
_ROLES = {"classifier": "Labels", "captioner": "Caption"}
# Its words come one by one: a screen reader is told the finished caption only.
_WRITING = '<span class="imgcap-writing" aria-hidden="true"></span>'
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
        self.stage = Stage.of(state)
        self.copy_caption = CopyButton(label="Copy caption")
        self.copy_summary = CopyButton(label="Copy summary")
        self.json = DownloadButton(
            label="JSON",
            file_name="result.json",
            mime="application/json",
            make=lambda: result_json(self._description(), self._edits()),
            on_error=state.report,
        )
        self.csv = DownloadButton(
            label="CSV",
            file_name="result.csv",
            mime="text/csv",
            make=lambda: result_csv(self._description()),
            on_error=state.report,
        )
        self.alt_text = AltTextButton(state)
        self.actions = row(self.copy_caption, self.copy_summary, self.json, self.csv, self.alt_text)
        self.fill(Place(self.stage, "answers"), self.actions)
        self.stage.observe(state.guarded(self._show), "scene")
        state.observe(state.guarded(self._show), "top")
        self._show()

    def _description(self) -> Description:
        description: Description | None = self.stage.scene.description
        if description is None:
            raise RuntimeError("There is no result to download.")
        return description

    def _edits(self) -> Sequence[Edit]:
        picture = self.stage.scene.picture
        return picture.edits if picture else ()

    def _show(self, _change: object = None) -> None:
        scene = self.stage.scene
        self.actions.layout.display = None if scene.description else "none"
        caption = scene.description.caption if scene.description else ""
        self.copy_caption.text = caption
        self.alt_text.layout.display = None if caption else "none"
        self.copy_summary.text = scene.description.summary if scene.description else ""
        self.stage.answers = answers(scene, self._state.top) if scene.picture else EMPTY


def answers(scene: Scene, top: int) -> str:
    """Return the markup of all that can be read, with `top` rows of the table.

    What answers an earlier question is marked as old until the new answer takes its place.
    """
    shown = scene.shown
    pending = '<span class="imgcap-pending">{}</span>' if scene.busy else ""
    parts = [f'<div aria-busy="{str(scene.busy).lower()}"><div aria-live="polite">']
    if (shown and shown.caption) or pending:
        words = escape(shown.caption) if shown else ""
        words = words or _WRITING + pending.format("Writing a caption …")
        parts.append(f'<p class="imgcap-caption"{_age(scene.old_caption)}>{words}</p>')
    if shown and shown.summary:
        words = escape(shown.summary)
        parts.append(f'<p class="imgcap-summary"{_age(scene.old_labels)}>{words}</p>')
    elif pending:
        parts.append(f"<p>{pending.format('Comparing with the labels …')}</p>")
    if scene.failure:
        parts.append(f'<p class="imgcap-message" role="alert">{escape(scene.failure)}</p>')
    parts.append("</div>")
    if shown:
        old = scene.old_labels or scene.old_caption
        parts.append(f"<div{_age(scene.old_labels)}>{table(shown, top)}</div>")
        parts.append(f"<div{_age(old)}>{credits_line(shown)}</div>")
    return "".join([*parts, "</div>"])


def _age(old: bool) -> str:  # noqa: FBT001  # its whole content
    return " data-old" if old else ""


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
    head = '<tr><th>Label</th><th>Confidence</th><td aria-hidden="true"></td></tr>'
    return f'<table class="imgcap-table"><thead>{head}</thead><tbody>{rows}</tbody></table>{more}'


def credits_line(description: Description) -> str:
    """Say which checkpoint answered what, and how long it took."""
    parts = [
        f"{_ROLES[role]}: {escape(model)}{_beside(description.revisions.get(role, ''))}, "
        f"{description.ms[_STEPS[role]]:,.0f} ms"
        for role, model in description.models.items()
    ]
    return f'<p class="imgcap-muted">{" · ".join(parts)}</p>'


def _beside(revision: str) -> str:
    """Name the adapter that answered beside a checkpoint."""
    adapter = revision.partition("+")[2]
    return f" with adapter {escape(adapter)}" if adapter else ""


def result_json(description: Description, edits: Sequence[Edit] = ()) -> bytes:
    """Return a description as a JSON document with every label, and how the picture was edited."""
    facts = {
        "sha256": description.sha256,
        "width": description.width,
        "height": description.height,
        "edits": [edit.as_dict() for edit in edits],
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
