"""Learning from feedback: five corrections, the sixth picture answered right, and back again."""

import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from imgcap.settings import Settings
from tests.browser.conftest import StartServer
from tests.browser.dashboard import Dashboard
from tests.browser.test_dashboard_access import findings
from tests.browser.voila_server import Server
from tests.learning_feedback import INVENTED, LABELS, give_feedback, green

NOT_SEEN = "not seen.png"


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    """Return a server whose only feedback is this module's."""
    return start_server()


def saved(folder: Path, name: str, image: Image.Image) -> Path:
    image.save(folder / name)
    return folder / name


def scores(dashboard: Dashboard) -> list[dict[str, object]]:
    """Return every label with its exact score."""
    download = dashboard.download("JSON", within=dashboard.result)
    answer = json.loads(Path(download.path()).read_text("utf-8"))
    predictions: list[dict[str, object]] = answer["predictions"]
    return predictions


def correct(dashboard: Dashboard, name: str) -> None:
    """Say that a picture shows what the models cannot know, and let it be kept."""
    dashboard.thumbnail(name).click()
    dashboard.expect_answer(name)
    dashboard.feedback.get_by_label("Right label").fill(INVENTED)
    dashboard.feedback.get_by_label("Keep this picture").check()
    dashboard.send_feedback("corrected")


def learn(card: Locator) -> None:
    card.get_by_role("button", name="Learn from them").click()
    expect(card.get_by_role("progressbar")).to_be_visible()
    expect(card.get_by_text("Done: see below what was learned.")).to_be_visible()


# Whether the words of a list that is closed have room; 24 pixels are those of its arrow.
WORDS_FIT = """list => {
    const pen = document.createElement("canvas").getContext("2d");
    const style = getComputedStyle(list);
    pen.font = style.font;
    const room = list.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return [...list.options].every(each => pen.measureText(each.text).width <= room - 24);
}"""


def fits(page: Page, card: Locator) -> bool:
    """Whether the card, with its chart, is as wide as a telephone and as a desk has room for."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        expect(card.locator(".js-plotly-plot")).to_be_visible()
        if not all(each.evaluate(WORDS_FIT) for each in card.locator("select").all()):
            return False
        if page.evaluate("document.documentElement.scrollWidth") != width:
            return False
    return True


def test_five_corrections_teach_the_sixth_picture_and_all_can_be_taken_back(
    page: Page, server: Server, tmp_path: Path
) -> None:
    dashboard = Dashboard(page, server)
    card = page.locator(".imgcap-learning")
    card.get_by_role("button", name="What feedback has taught").press("Enter")
    expect(card).to_contain_text("There is nothing to learn from yet.")
    expect(card.get_by_role("button", name="Learn from them")).to_be_disabled()

    dashboard.use_labels("\n".join((*LABELS, INVENTED)))
    dashboard.bring(saved(tmp_path, NOT_SEEN, green(999)))
    dashboard.expect_answer(NOT_SEEN)
    before = scores(dashboard)
    assert before[0]["label"] != INVENTED
    names = [f"green {number}.png" for number in range(5)]
    dashboard.bring(*(saved(tmp_path, name, green(n)) for n, name in enumerate(names)))
    for name in names:
        correct(dashboard, name)
    expect(card).to_contain_text("5 corrections wait to be learned from.")
    dashboard.thumbnail(NOT_SEEN).click()
    dashboard.expect_answer(NOT_SEEN)

    learn(card)
    expect(card).to_contain_text("Not enough evidence yet: 5 more corrections are needed")
    expect(card.get_by_role("button", name="Use it from now on")).to_be_disabled()
    card.get_by_role("button", name="Try it on this page").click()
    expect(card).to_contain_text("on this page only. It has not been shown to be better.")
    expect(dashboard.rows.first).to_contain_text(INVENTED)
    expect(dashboard.result).to_contain_text("with adapter probe-")
    card.get_by_role("button", name="Stop trying").click()
    expect(dashboard.rows.first).not_to_contain_text(INVENTED)
    expect(dashboard.result).not_to_contain_text("with adapter")
    assert scores(dashboard) == before

    folder = server.feedback.parent
    give_feedback(Settings(feedback=f"csv:{server.feedback}", pictures=folder / "pictures"))
    learn(card)
    expect(card).to_contain_text("points more often on 25 judged pictures")
    changed = card.get_by_role("listitem")
    expect(changed).to_have_count(12)
    expect(changed.first).to_contain_text("right now")
    card.get_by_role("button", name="Use it from now on").click()
    expect(card).to_contain_text("Labels come with what was learned")
    expect(dashboard.rows.first).to_contain_text(INVENTED)
    assert fits(page, card)
    assert findings(page) == []
    card.get_by_role("button", name="Roll back").click()
    expect(card).to_contain_text("The models answer as they came")
    expect(dashboard.rows.first).not_to_contain_text(INVENTED)
    expect(dashboard.result).not_to_contain_text("with adapter")
    assert scores(dashboard) == before
