"""What the tests of the page's analyst share: what is asked, shown and answered."""

import re
from dataclasses import dataclass

from imgcap.inference import Description
from imgcap.widgets.preview import PreviewPanel
from imgcap.widgets.result import ResultPanel
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import Stage
from imgcap.widgets.state import AppState
from tests.fake_answers import captioned, scored


def fits(state: AppState, description: Description) -> bool:
    """Whether what is shown is the answer to the present question for the picture on screen."""
    shown = state.picture
    if shown is None or description.sha256 != shown.id or description.name != shown.name:
        return False
    classification, captions = description.classification, description.captions
    return (
        classification is None or classification.predictions == scored(shown.id, state.labels)
    ) and (captions is None or description.caption == captioned(shown.id, state.caption_options))


def is_done(state: AppState) -> bool:
    with state.lock:
        return bool(state.statuses) and set(state.statuses.values()) == {"done"}


def steps(calls: list[tuple[str, str, object]]) -> list[tuple[str, str]]:
    return [(step, name) for step, name, _ in calls]


@dataclass(frozen=True)
class Seen:
    """What the page was told to show at one moment."""

    picture: str
    preview: str
    alt: str
    answers: str

    def fits(self, pictures: list[Shown]) -> bool:
        """Whether all of it is about one picture."""
        owner = next(shown for shown in pictures if shown.id == self.picture)
        captions = re.findall("picture ([0-9a-f]{12}) by", self.alt + self.answers)
        return (
            f"<strong>{owner.name}</strong>" in self.preview
            and set(captions) <= {owner.id[:12]}
            and (bool(captions) or self.alt == owner.name)
        )


def watch(state: AppState, seen: list[Seen]) -> None:
    """Record all that the page is told to show, message by message."""
    PreviewPanel(state), ResultPanel(state)
    stage = Stage.of(state)
    send = stage.send_state

    def spy(key: object = None) -> None:
        send(key)
        if key and stage.picture_id:
            seen.append(Seen(stage.picture_id, stage.preview, stage.alt, stage.answers))

    stage.send_state = spy
