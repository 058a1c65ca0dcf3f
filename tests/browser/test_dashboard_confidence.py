"""How far the scores can be trusted: a threshold, a learned temperature, prompts side by side."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from imgcap.inference.calibration import Calibration, calibration_file
from imgcap.labels import ENSEMBLE_TEMPLATES
from imgcap.learning.confidence.calibrate import keep_calibration
from tests.browser.conftest import NewPage
from tests.browser.dashboard import Dashboard
from tests.browser.test_dashboard_access import findings
from tests.browser.voila_server import Server

pytestmark = pytest.mark.long

NAME = "imgcap-align-small"


def test_prompts_are_compared_and_the_scores_follow_threshold_and_temperature(
    new_page: NewPage, server: Server
) -> None:
    page = new_page(color_scheme="dark", viewport={"width": 390, "height": 844})
    dashboard = Dashboard(page, server)
    card = page.locator(".imgcap-confidence")
    card.get_by_role("button", name="Calibration and prompts").press("Enter")
    expect(card).to_contain_text("Bring a picture to compare how prompts answer.")
    expect(card).to_contain_text("nothing was learned from feedback yet")
    dashboard.take_sample("coffee")
    rows = card.get_by_role("rowheader")
    expect(rows).to_have_count(len(ENSEMBLE_TEMPLATES) + 1)
    expect(rows.first).to_have_text("a photo of {} in use")
    expect(rows.last).to_have_text("All averaged")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert findings(page) == []

    surest = dashboard.summary.inner_text()
    slider = card.get_by_role("slider")
    slider.press("End")
    expect(dashboard.summary).to_contain_text("None of these labels fits")
    card.get_by_role("button", name="As learned").click()
    expect(dashboard.summary).to_have_text(surest)

    folder = Path(server.feedback).parent / "calibration"
    keep_calibration(folder, Calibration(checkpoint=NAME, temperature=4.0))
    try:
        dashboard.use_labels("a cup of coffee, a cat, a dog, a plate")
        expect(dashboard.rows.first).to_contain_text("a cup of coffee")
        hot = float(dashboard.rows.first.locator("td").nth(1).inner_text().split()[0])
        calibration_file(folder, NAME).unlink()
        dashboard.use_labels("a cup of coffee, a cat, a dog, a plate, a fork")
        expect(dashboard.rows).to_have_count(5)
        cold = dashboard.rows.first.locator("td").nth(1).inner_text()
        assert cold.startswith("over") or float(cold.split()[0]) > hot
    finally:
        calibration_file(folder, NAME).unlink(missing_ok=True)
