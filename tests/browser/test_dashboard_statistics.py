"""Seeing how good the models have been."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Locator, Page, expect

from imgcap.charts import DARK, LIGHT, OKABE_ITO
from imgcap.charts.statistics import statistics_figure
from imgcap.feedback import FeedbackRecord, Outline, open_store
from imgcap.feedback.statistics import statistics_of
from imgcap.inference import Prediction
from imgcap.settings import Settings
from tests.browser.conftest import NewPage, StartServer
from tests.browser.dashboard import Dashboard
from tests.browser.test_dashboard_access import findings
from tests.browser.voila_server import Server, wait_until

SCRIPT = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
LABELS = ("a cat", "a dog", SCRIPT)
# Kind -> what is drawn for two of three right in each of three labels, on two days.
DRAWN = {
    "Ratings over time": {".barlayer .point": 10, ".scatterlayer .points path": 2},
    "By predicted label": {".barlayer .point": 3, ".scatterlayer .points path": 3},
    "By checkpoint": {".barlayer .point": 1, ".scatterlayer .points path": 1},
    "Calibration": {".scatterlayer .points path": 2, ".xy .scatterlayer .lines path": 2},
    "Confusion": {".heatmaplayer image": 1, ".shapelayer path": 3},
}
SOME = statistics_of(
    [Outline(datetime.now(UTC), 5, "cat", 0.9, "cat", "", "", "imgcap-align-small", "")]
)
LEAST_GAP = 8  # pixels between figures that do not look like one
LEAST_PIXELS = {"Calibration": 150}  # points alone; the others have areas


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    """Return a server with some feedback from before."""
    server = start_server()
    time = datetime(2026, 11, 2, tzinfo=UTC)
    store = open_store(Settings(feedback=f"csv:{server.feedback}"))
    store.extend(
        FeedbackRecord(
            rating=5 if right == label else 2,
            time=time + timedelta(days=place % 2),
            predictions=(Prediction(label, 0.9 if right == label else 0.4),),
            corrected_label=right,
            classifier="imgcap-align-small",
        )
        for label, other in zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True)
        for place, right in enumerate((label, label, other))
    )
    return server


def opened(page: Page, server: Server) -> Locator:
    """Open the page and the fold, and return the card."""
    Dashboard(page, server)
    card = page.locator(".imgcap-statistics")
    expect(card.get_by_role("button")).to_have_count(1)
    card.get_by_role("button", name="Charts and figures").click()
    expect(card.get_by_text("of 5 in the mean")).to_be_visible()
    expect(card.locator(".js-plotly-plot")).to_be_visible()
    return card


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.long)]
)
def test_every_chart_is_drawn(new_page: NewPage, server: Server, scheme: str, width: int) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    card = opened(page, server)
    theme = DARK if scheme == "dark" else LIGHT
    squares = statistics_figure("confusion", SOME, dark=theme is DARK).data[0].colorscale[1][1]
    colours = {"Ratings over time": OKABE_ITO[0], "Confusion": squares}
    title = page.title()
    for kind, marks in (*DRAWN.items(), *reversed(DRAWN.items())):
        card.get_by_label("Show", exact=True).select_option(kind)
        for mark, count in marks.items():
            expect(card.locator(f".js-plotly-plot {mark}")).to_have_count(count)
        if kind == "By predicted label":
            ticks = card.locator(".xaxislayer-above .xtick text")
            expect(ticks).to_have_text(["1", "3", "5"])
            assert gap(ticks.last, card.locator(".x2tick text").first) > LEAST_GAP
        colour = colours.get(kind, theme.accent)
        least = LEAST_PIXELS.get(kind, 1_000)
        wait_until(lambda: pixels(card, colour) > least)  # noqa: B023  # awaited here
        assert pixels(card, theme.surface) > 50_000
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.title() == title, "no script of a label ran"


def gap(left: Locator, right: Locator) -> float:
    """Return how many pixels are between two texts beside each other."""
    one, other = left.bounding_box(), right.bounding_box()
    assert one is not None
    assert other is not None
    return other["x"] - one["x"] - one["width"]


def pixels(card: Locator, colour: str) -> int:
    """Return how many pixels of the chart have a colour: what is covered has none."""
    with Image.open(io.BytesIO(card.locator(".js-plotly-plot").screenshot())) as picture:
        found = picture.convert("RGB").getcolors(picture.width * picture.height) or []
    return {rgb: count for count, rgb in found}.get(ImageColor.getrgb(colour), 0)


def test_figures_follow_what_is_said_and_can_be_read_as_a_table(page: Page, server: Server) -> None:
    card = opened(page, server)
    store = open_store(Settings(feedback=f"csv:{server.feedback}"))
    before = store.summary().count
    expect(card).to_contain_text(f"{before} ratings")
    expect(card).to_contain_text("66.7 % of 9 judged labels were right")
    Dashboard(page).send_feedback("counted at once")
    expect(card).to_contain_text(f"{before + 1} ratings")
    store.append(FeedbackRecord(rating=1))
    card.get_by_role("button", name="Refresh").click()
    expect(card).to_contain_text(f"{before + 2} ratings")
    with page.expect_download() as saved:
        card.get_by_role("button", name="Download chart as PNG").click()
    assert saved.value.suggested_filename == "feedback.png"
    expect(page.get_by_text("Preparing image")).to_have_count(0)  # Plotly's word, grey on grey

    card.get_by_label("Show", exact=True).select_option("Confusion")
    card.get_by_role("button", name="The same as a table").press("Enter")
    table = card.get_by_role("group", name="Confusion").get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(
        ["Predicted label", "Right label", "Times"]
    )
    expect(table.get_by_role("row")).to_have_count(7)
    expect(table).to_contain_text(SCRIPT)
    expect(card.locator("script, img")).to_have_count(0)
    assert findings(page) == []
