"""A page whose engine is a service: the service goes away and comes back under the open page."""

from collections.abc import Iterator

import pytest

from imgcap.inference import CaptionOptions, EngineError
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.models import ModelsPanel
from imgcap.widgets.page import Page
from imgcap.widgets.state import AppState
from imgcap.widgets.status import StatusPanel
from imgcap.widgets.switcher import Switcher
from tests.pages import bring, wait_until
from tests.questions import is_done
from tests.scripted_service import ALL, CLASSIFICATION, Reply, Scripted, scripted


@pytest.fixture
def port() -> int:
    with scripted() as script:
        return int(script.url.rpartition(":")[2])


@pytest.fixture
def service() -> Iterator[Scripted]:
    with scripted() as script:
        script.replies = [Reply(ALL)]
        yield script


@pytest.fixture
def page(page_settings: Settings, service: Scripted) -> Iterator[AppState]:
    """A page that works, on a service of which it knows nothing yet but the address."""
    state = AppState(page_settings.model_copy(update={"engine": service.url}))
    analyst = Analyst(state)
    yield state
    analyst.close()
    state.close()


@pytest.fixture
def away(page_settings: Settings, port: int) -> Iterator[tuple[AppState, Analyst]]:
    """A page on a service that does not run yet."""
    state = AppState(page_settings.model_copy(update={"engine": f"http://127.0.0.1:{port}"}))
    analyst = Analyst(state)
    yield state, analyst
    analyst.close()
    state.close()


def test_a_service_that_is_away_is_said_and_forgotten_when_it_is_back(
    away: tuple[AppState, Analyst], port: int
) -> None:
    state, analyst = away
    status, models = StatusPanel(state, analyst), ModelsPanel(state)
    [picture] = bring(state, "cat.png")
    wait_until(lambda: state.statuses[picture.id] not in {"waiting", "working"})
    assert "cannot be reached: try again in a moment" in state.statuses[picture.id]
    assert models.in_use.value.count("cannot be reached") == 1
    assert "answer" not in models.in_use.value
    assert "Not every model answers." in status.line.value
    assert status.retry.layout.display is None
    with scripted(port) as script:
        script.replies = [Reply(ALL)]
        status.retry.click()
        wait_until(lambda: state.statuses[picture.id] == "done")
        wait_until(lambda: "Ready." in status.line.value)
    assert state.description.caption == "a cat"
    assert "their labels</strong> and <strong>theirs</strong> answer." in models.in_use.value
    assert "cannot be reached" not in models.in_use.value


def test_the_page_says_where_pictures_go(away: tuple[AppState, Analyst], state: AppState) -> None:
    def said(state: AppState) -> str:
        return " ".join(getattr(part, "value", "") for part in Page(state).children)

    assert "served from, and sent nowhere else" in said(state)
    assert "sent to the inference service that this page uses" in said(away[0])


def test_the_models_of_a_service_are_not_a_visitors_choice(
    away: tuple[AppState, Analyst],
) -> None:
    with pytest.raises(EngineError, match="who runs it chooses them"):
        Switcher(away[0]).switch("embedded", "embedded")
    assert away[0].switching == {}


def test_each_picture_is_sent_once_for_its_labels_and_its_caption(
    page: AppState, service: Scripted
) -> None:
    service.replies = [Reply(ALL), Reply(ALL, seconds=0.1)]
    bring(page, "cat.png")
    wait_until(lambda: is_done(page))
    bring(page, *(f"{number}.png" for number in range(9)), select=False)
    wait_until(lambda: is_done(page))
    assert service.asked == ["/v1/describe"] * 10
    assert max(service.at_once) > 1, "those that nobody waits for go side by side"
    page.labels = ("one", "two")
    wait_until(lambda: is_done(page) and len(service.asked) == 20)
    assert service.asked[10:] == ["/v1/classify"] * 10, "the captions are known"


def test_labels_that_came_are_kept_when_another_caption_is_wanted(
    page: AppState, service: Scripted
) -> None:
    service.replies = [Reply(ALL, pause=1), Reply(ALL)]
    bring(page, "cat.png")
    wait_until(lambda: page.description is not None)
    assert page.description.predictions[0].label == "cat"
    assert page.description.captions is None
    assert page.working == "Writing a caption for cat.png"
    page.caption_options = CaptionOptions(num_beams=1)
    wait_until(lambda: is_done(page))
    assert service.asked == ["/v1/describe", "/v1/caption"]


def test_a_caption_that_fails_leaves_the_labels_and_says_so(
    page: AppState, service: Scripted
) -> None:
    problem = b'{"error": {"kind": "model", "message": "It has no weights."}}'
    service.replies = [Reply(b'{"classification": %s}\n%s\n' % (CLASSIFICATION, problem))]
    [cat] = bring(page, "cat.png")
    wait_until(lambda: page.statuses[cat.id] == "It has no weights.")
    assert page.description.predictions[0].label == "cat"
    assert page.models["captioner"].stage == "failed"
    assert page.models["classifier"].stage != "failed"
    assert service.asked == ["/v1/describe"]
