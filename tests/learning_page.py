"""The panel in which a page learns from feedback, and what tests do in it."""

from collections.abc import Callable
from typing import Any

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.learning.labels.evaluation import cross_validate
from imgcap.settings import Settings
from imgcap.widgets.learning.panel import LearningPanel
from imgcap.widgets.state import AppState
from tests.kept_probes import kept_probe
from tests.learning_examples import examples, vocabulary
from tests.learning_feedback import LABELS, NAME
from tests.pages import wait_until
from tests.picture_files import encode, quarters

SCRIPT = "<script>alert(1)</script>"
OpenPanel = Callable[[], LearningPanel]


def opened_panel(state: AppState) -> LearningPanel:
    """Build the panel, open its fold and wait until all is counted."""
    panel = LearningPanel(state)
    panel.fold.button.set_state({"is_open": True})
    wait_until(lambda: panel.learner.count.value, "what waits is counted")
    return panel


def judged(settings: Settings, right: str, *, keep: bool = True, **fields: Any) -> FeedbackRecord:
    folder = PictureFolder(settings.pictures)
    record = FeedbackRecord(
        rating=2,
        labels=LABELS,
        predictions=[{"label": LABELS[0], "score": 0.9}],
        corrected_label=right,
        picture_name=f"{SCRIPT}.png",
        picture_file=folder.keep(encode(quarters(), "PNG")) if keep else "",
        classifier=NAME,
        **fields,
    )
    open_store(settings).append(record)
    return record


def made_adapter(
    settings: Settings, *, passed: bool = True, changed: tuple[dict[str, str], ...] = ()
) -> str:
    """Keep an adapter with what was measured of it, and return its id."""
    figures = cross_validate("probe", examples(6), vocabulary()).as_dict()
    card = kept_probe(
        settings.adapters,
        NAME,
        SCRIPT,
        records=tuple({each["record"] for each in changed}),
        passed=passed,
        figures=figures | {"changed": list(changed)},
    )
    return card.id


def settled(panel: LearningPanel) -> None:
    wait_until(lambda: not (panel._busy or panel._wanted or panel.actions._busy))


def press(panel: LearningPanel, name: str) -> None:
    button = getattr(panel.actions, name)
    assert not button.disabled
    assert button.layout.display is None
    button.click()
    settled(panel)
