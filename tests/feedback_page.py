"""What the tests of the feedback panel share."""

import threading

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.csv import CsvStore
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.state import AppState
from tests.pages import wait_until

PAYLOADS = {
    "comment": "<script>alert(1)</script>\n =1+1, \"quoted\" 'so' \\u{0} 🦉 ",
    "label": " </style><img src=x onerror=alert(1)>",
    "caption": 'a cat & a "dog"; <b>bold</b> ',
}


class SlowStore(CsvStore):
    """A file whose disk is so slow that a test can look while a record is written."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.go = threading.Event()

    def append(self, record: FeedbackRecord) -> None:
        self.go.wait()
        super().append(record)


def stored(state: AppState) -> list[FeedbackRecord]:
    """What another program finds in the store, newest first."""
    return open_store(state.settings).read()


def send(state: AppState, panel: FeedbackPanel) -> None:
    before = state.saved
    panel.form.submit.click()
    wait_until(lambda: state.saved == before + 1 and not panel.form.submit.disabled)
