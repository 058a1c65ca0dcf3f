"""The results of all pictures of a page, to take along as a table."""

import io

from imgcap.results_file import FORMATS, ResultFormat, ResultRow
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.browser import DownloadButton
from imgcap.widgets.gallery.cards import UNKNOWN
from imgcap.widgets.state import AppState


def downloads(state: AppState, analyst: Analyst) -> list[DownloadButton]:
    """Return a button for each format that this installation can write."""
    return [_button(state, analyst, each) for each in FORMATS.values() if each.is_available]


def _button(state: AppState, analyst: Analyst, chosen: ResultFormat) -> DownloadButton:
    return DownloadButton(
        label=chosen.name,
        name=f"Download all results as {chosen.name}",
        file_name=f"results{chosen.suffix}",
        mime=chosen.media_type,
        make=lambda: _table(state, analyst, chosen),
        on_error=state.report,
    )


def _table(state: AppState, analyst: Analyst, chosen: ResultFormat) -> bytes:
    with state.lock:
        described = [(shown, analyst.description(shown.id)) for shown in state.pictures]
        statuses = dict(state.statuses)
    file = io.BytesIO()
    chosen.write(
        (
            ResultRow.of(shown.name, description)
            if description
            else ResultRow(shown.name, shown.id, error=_why(statuses.get(shown.id, "")))
            for shown, description in described
        ),
        file,
    )
    return file.getvalue()


def _why(status: str) -> str:
    return "Not described yet." if status in {"", *UNKNOWN, "done"} else status
