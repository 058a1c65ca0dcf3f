"""A chosen row of the table is shown whole, and stays chosen."""

from typing import Any

import pytest
from jupyter_client.session import json_packer

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.inference import Prediction
from imgcap.settings import Settings
from imgcap.widgets.records import RecordsPanel
from imgcap.widgets.state import AppState
from tests.records_page import NOON, Open, choose, fill, press


def select(panel: RecordsPanel, row: int) -> None:
    """Click a row of the grid, as the browser tells of it."""
    panel.rows.grid.set_state({"selections": [{"r1": row, "r2": row, "c1": 0, "c2": 8}]})


def test_a_chosen_row_is_shown_whole_and_nothing_in_it_runs(
    open_panel: Open, page_settings: Settings
) -> None:
    bad = "<img src=x onerror=alert(1)>"
    long = "word " * 1_000 + "end"
    record = FeedbackRecord(
        rating=2,
        time=NOON,
        comment=f"{bad}\n{long}\ud83d",
        corrected_label=f"{bad} label",
        corrected_caption=f"{bad} right",
        caption=f"{bad} caption",
        predictions=(Prediction(f"{bad} cat", 0.8), Prediction("dog", 0.2)),
        labels=(f"{bad} asked",),
        templates=(f"{bad} template",),
        picture_name=f"{bad}.jpg",
        picture_width=640,
        picture_height=480,
        classifier=f"{bad} clip",
        classifier_revision=f"{bad} commit",
        captioner=f"{bad} blip",
        classify_ms=41.0,
        caption_ms=1234.0,
        session=f"{bad} session",
    )
    open_store(page_settings).append(record)
    panel = open_panel()
    assert panel.record.value == ""
    select(panel, 0)
    shown = panel.record.value
    assert "<img" not in shown
    assert f"\n{long}?" in shown
    parts = ("label", "right", "caption", "asked", "template", "clip", "blip", "session")
    for words in (*(f"&gt; {part}" for part in parts), "revision &lt;img", ".jpg · 640 × 480"):
        assert words in shown
    for words in (
        "2 of 5",
        "&gt; cat: 80\xa0%",
        "dog: 20\xa0%",
        "· 41 ms",
        "· 1,234 ms",
        str(record.id),
    ):
        assert words in shown
    json_packer(panel.record.get_state())


def test_a_row_is_chosen_in_the_table_too_and_stays_chosen(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, "first", "second", "third")
    panel = open_panel()
    panel.as_table.value = True
    panel.rows.table.set_state({"chosen": 1})
    assert "second" in panel.record.value
    fill(page_settings, "late")  # sorts between the others
    press(panel)
    assert "second" in panel.record.value
    at = [row[2] for row in panel.rows.table.rows].index("second")
    assert panel.rows.table.chosen == at
    panel.as_table.value = False
    assert panel.rows.grid.selections[0]["r1"] == at
    choose(panel, panel.filters.search, "third")
    assert panel.record.value == ""


@pytest.mark.parametrize("row", [3, 10**9, -2, "1"])
def test_a_row_that_is_not_there_cannot_be_chosen(
    open_panel: Open, page_settings: Settings, state: AppState, row: Any
) -> None:
    fill(page_settings, "first", "second", "third")
    panel = open_panel()
    select(panel, row)
    panel.rows.table.set_state({"chosen": row})
    assert panel.record.value == ""
    assert state.error == ""
