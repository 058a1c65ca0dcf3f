import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.session import json_packer

from imgcap.charts import DARK, LIGHT
from imgcap.feedback import FeedbackRecord, open_store, open_store_at
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.exchange import read_export
from imgcap.inference import Prediction
from imgcap.settings import Settings
from imgcap.widgets.records import RecordsPanel, download
from imgcap.widgets.records.rows import MOST_CHARACTERS, WIDTHS
from imgcap.widgets.state import AppState
from tests.pages import download as press_download
from tests.pages import wait_until
from tests.test_browser_widgets import Wire

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANOTHER_PAGE = """
import sys
from imgcap.feedback import FeedbackRecord, open_store, open_store_at
from imgcap.settings import Settings
open_store(Settings(feedback=sys.argv[1])).append(FeedbackRecord(rating=1, comment="from afar"))
"""
MANY = 3_000
Open = Callable[[], RecordsPanel]


@pytest.fixture
def open_panel(state: AppState) -> Open:
    """Return a function that builds the panel and waits for its first rows."""

    def build() -> RecordsPanel:
        panel = RecordsPanel(state)
        settle(panel)
        return panel

    return build


@pytest.fixture(params=["csv:", "sqlite:///"], ids=["csv", "sqlite"])
def many(request: pytest.FixtureRequest, tmp_path: Path, state: AppState) -> RecordsPanel:
    """Return a panel above many records: one a minute, rated 1, 2 ... 5, 1 ..."""
    state.store = open_store_at(f"{request.param}{tmp_path / 'many'}")
    state.store.extend(
        FeedbackRecord(
            rating=n % 5 + 1,
            comment=f"number {n}{' owl' * (n % 10 == 0)}",
            time=NOON + timedelta(minutes=n),
        )
        for n in range(MANY)
    )
    panel = RecordsPanel(state)
    settle(panel)
    return panel


def settle(panel: RecordsPanel) -> None:
    wait_until(lambda: not panel.refresh.disabled)


def press(panel: RecordsPanel, button: Any = None) -> None:
    (button or panel.refresh).click()
    settle(panel)


def choose(panel: RecordsPanel, control: Any, value: object) -> None:
    control.value = value
    settle(panel)


def fill(settings: Settings, *comments: str, rating: int = 4) -> list[FeedbackRecord]:
    """Store one record a comment, a minute apart."""
    made = [
        FeedbackRecord(rating=rating, comment=comment, time=NOON + timedelta(minutes=minute))
        for minute, comment in enumerate(comments)
    ]
    open_store(settings).extend(made)
    return made


def comments(panel: RecordsPanel) -> list[str]:
    return list(panel.rows.grid.data["Comment"])


def numbers(panel: RecordsPanel) -> list[int]:
    return [int(comment.split()[1]) for comment in comments(panel)]


def is_shown(widget: Any) -> bool:
    return widget.layout.display != "none"


def select(panel: RecordsPanel, row: int) -> None:
    """Click a row of the grid, as the browser tells of it."""
    panel.rows.grid.set_state({"selections": [{"r1": row, "r2": row, "c1": 0, "c2": 8}]})


def file_of(settings: Settings) -> Path:
    return Path(settings.feedback.removeprefix("csv:"))


def test_without_feedback_there_is_a_hint_and_nothing_to_press_but_refresh(
    open_panel: Open, page_settings: Settings
) -> None:
    panel = open_panel()
    assert "No feedback yet" in panel.figures.value
    assert not any(map(is_shown, (panel.rows, panel.filters, panel.pager, panel.nothing)))
    assert not is_shown(panel.filters.clear)
    assert panel.message.value == ""
    fill(page_settings, "the first")
    press(panel)
    assert all(map(is_shown, (panel.rows, panel.filters, panel.pager)))
    assert comments(panel) == ["the first"]


def test_feedback_is_shown_newest_first_with_counts_and_mean(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, "first", "second", "third")
    fill(page_settings, "poor", rating=1)
    panel = open_panel()
    assert comments(panel) == ["third", "second", "poor", "first"]
    assert next(iter(panel.rows.grid.data["Time (UTC)"])) == "2026-11-23 12:02:00"
    assert "<strong>4</strong> in all, mean rating <strong>3.2</strong>" in panel.figures.value
    assert "1: 1 · 2: 0 · 3: 0 · 4: 3 · 5: 0" in panel.figures.value.replace("&nbsp;", " ")
    assert "Rows 1–4 of 4" in panel.place.value
    assert panel.message.value == ""


def test_a_row_says_what_was_rated(open_panel: Open, page_settings: Settings) -> None:
    script = "<script>alert(1)</script>"
    record = FeedbackRecord(
        rating=2,
        time=NOON,
        comment=script,
        corrected_label="lynx",
        corrected_caption="a lynx",
        caption="a cat",
        predictions=(Prediction("cat", 0.8), Prediction("dog", 0.2)),
        picture_name="cat.jpg",
        classifier="x/clip",
        captioner="y/blip",
    )
    open_store(page_settings).append(record)
    panel = open_panel()
    expected = (
        *("2026-11-23 12:00:00", 2, script, "cat", "lynx", "a cat", "a lynx", "cat.jpg"),
        "x/clip, y/blip",
    )
    assert list(panel.rows.grid.data.columns) == list(WIDTHS)
    assert tuple(panel.rows.grid.data.iloc[0]) == expected
    panel.as_table.value = True
    assert panel.rows.table.rows == [list(map(str, expected))]
    assert is_shown(panel.rows.table)
    assert not is_shown(panel.rows.grid)


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
    for words in ("2 of 5", "&gt; cat: 80 %", "dog: 20 %", "· 41 ms", "· 1,234 ms", str(record.id)):
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


def test_pages_are_turned(many: RecordsPanel) -> None:
    pager = many.pager
    assert numbers(many) == list(range(2999, 2899, -1))
    assert "Rows 1–100 of 3,000" in many.place.value
    assert pager.pages.value == "of 30"
    assert (pager.first.disabled, pager.previous.disabled) == (True, True)
    press(many, pager.next)
    assert numbers(many) == list(range(2899, 2799, -1))
    assert "Rows 101–200 of 3,000" in many.place.value
    assert pager.number.value == 2
    press(many, pager.last)
    assert numbers(many)[-1] == 0
    assert (pager.next.disabled, pager.last.disabled) == (True, True)
    press(many, pager.previous)
    assert numbers(many) == list(range(199, 99, -1))
    press(many, pager.first)
    assert numbers(many)[0] == 2999
    choose(many, pager.number, 15)
    assert "Rows 1,401–1,500 of 3,000" in many.place.value
    choose(many, pager.number, 31)
    assert "Rows 2,901–3,000 of 3,000" in many.place.value


def test_pages_of_another_length_keep_the_first_row_in_sight(many: RecordsPanel) -> None:
    choose(many, many.pager.number, 8)
    choose(many, many.pager.size, 500)
    assert "Rows 501–1,000 of 3,000" in many.place.value
    assert len(comments(many)) == 500
    assert many.pager.pages.value == "of 6"
    choose(many, many.pager.size, 50)
    assert "Rows 501–550 of 3,000" in many.place.value
    assert many.pager.number.value == 11


def test_the_order_is_that_of_all_records(many: RecordsPanel) -> None:
    ratings = many.rows.grid
    choose(many, many.filters.order, "Oldest first")
    assert numbers(many) == list(range(100))
    choose(many, many.filters.order, "Best rating first")
    assert set(ratings.data["Rating"]) == {5}
    assert numbers(many)[:2] == [2999, 2994]
    choose(many, many.filters.order, "Worst rating first")
    assert set(ratings.data["Rating"]) == {1}
    assert numbers(many)[:2] == [0, 5]


def test_filters_together_find_what_fits_all_of_them(many: RecordsPanel) -> None:
    filters = many.filters
    choose(many, filters.search, " OWL  number ")
    assert "300 of 3,000 match." in many.message.value
    assert "<strong>3,000</strong> in all" in many.figures.value
    press(many, many.pager.last)
    assert "Rows 201–300 of 300" in many.place.value
    choose(many, filters.ratings[0], value=True)
    assert "Rows 1–100 of 300" in many.place.value, "another query begins at its first page"
    choose(many, filters.first_day, date(2026, 11, 24))
    choose(many, filters.last_day, date(2026, 11, 24))
    first, last = 12 * 60, 36 * 60 - 1
    assert numbers(many) == [n for n in range(last, first - 1, -1) if n % 10 == 0][:100]
    assert "144 of 3,000 match." in many.message.value
    choose(many, filters.ratings[0], value=False)
    choose(many, filters.ratings[1], value=True)
    assert comments(many) == []
    assert is_shown(many.nothing)
    assert not is_shown(many.rows)
    assert is_shown(filters.clear)
    press(many, filters.clear)
    assert "Rows 1–100 of 3,000" in many.place.value
    assert many.message.value == ""
    assert not is_shown(filters.clear)
    assert is_shown(many.rows)


def test_a_page_that_is_gone_makes_place_for_the_last(many: RecordsPanel, state: AppState) -> None:
    press(many, many.pager.last)
    state.store.delete([record.id for record in state.store.read()[:2950]])
    press(many)
    assert numbers(many) == list(range(49, -1, -1))
    assert "Rows 1–50 of 50" in many.place.value
    assert many.pager.next.disabled


def test_what_this_page_saves_appears_by_itself(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    panel = open_panel()
    fill(page_settings, "mine")
    state.saved += 1
    wait_until(lambda: comments(panel) == ["mine"])
    settle(panel)
    assert is_shown(panel.rows)


def test_what_another_process_saves_appears_on_refresh(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, "mine")
    panel = open_panel()
    subprocess.run([sys.executable, "-c", ANOTHER_PAGE, page_settings.feedback], check=True)
    assert comments(panel) == ["mine"]
    press(panel)
    assert set(comments(panel)) == {"mine", "from afar"}
    assert "<strong>2</strong> in all" in panel.figures.value


def test_what_is_overtaken_is_not_shown_and_what_comes_is_announced(
    open_panel: Open, page_settings: Settings, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(page_settings, "a cat", "a dog")
    panel = open_panel()
    assert 'aria-busy="false"' in panel.place.value
    go, page, asked = threading.Event(), CsvStore.page, []

    def slow_for_cats(store: CsvStore, query: Any, *rest: int) -> Any:
        asked.append(query.text)
        if query.text != "dog":
            go.wait()
        return page(store, query, *rest)

    monkeypatch.setattr(CsvStore, "page", slow_for_cats)
    background = threading.active_count()
    panel.filters.search.value = "cat"
    assert 'aria-busy="true"' in panel.place.value
    panel.filters.search.value = "dog"
    wait_until(lambda: comments(panel) == ["a dog"])
    for n in range(20):
        panel.filters.search.value = f"wish {n}"
    panel.filters.search.value = "dog"
    go.set()
    wait_until(lambda: threading.active_count() <= background)
    assert comments(panel) == ["a dog"]
    assert len(asked) < 10, "what was overtaken before its turn is not even asked"
    assert state.error == ""


def test_a_row_that_cannot_be_read_is_named(open_panel: Open, page_settings: Settings) -> None:
    fill(page_settings, "good")
    with file_of(page_settings).open("ab") as out:
        out.write(b'"<script>damaged","row"\r\n')
    panel = open_panel()
    assert comments(panel) == ["good"]
    assert "1 row cannot be read. Row 3 is left out:" in panel.message.value
    assert "<script" not in panel.message.value


def test_a_store_that_cannot_be_read_is_a_sentence_and_the_rows_stay(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, *map(str, range(200)))
    panel = open_panel()
    file, aside = file_of(page_settings), file_of(page_settings).with_name("aside")
    file.rename(aside)
    file.mkdir()
    press(panel, panel.pager.next)
    assert "is no file that feedback could be kept in" in panel.message.value
    assert 'role="alert"' in panel.message.value
    assert (len(comments(panel)), comments(panel)[0]) == (100, "199")
    assert "Rows 1–100 of 200" in panel.place.value
    assert panel.pager.number.value == 1
    file.rmdir()
    aside.rename(file)
    press(panel, panel.pager.next)
    assert panel.message.value == ""
    assert comments(panel)[0] == "99"


def test_a_folder_that_a_file_replaced_is_named(
    open_panel: Open, state: AppState, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    state.store = open_store_at(f"csv:{folder / 'feedback.csv'}")
    state.store.append(FeedbackRecord(rating=3))
    folder.rename(tmp_path / "elsewhere")
    folder.write_text("a file where the folder was")
    panel = open_panel()
    assert 'role="alert"' in panel.message.value
    assert "should lie in a folder, but a file is in its place." in panel.message.value
    assert panel.figures.value == "", "nobody knows whether there is feedback"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_download_is_what_the_filter_finds(
    many: RecordsPanel, state: AppState, tmp_path: Path, kind: str
) -> None:
    choose(many, many.filters.search, "owl")
    choose(many, many.filters.order, "Oldest first")
    copy = tmp_path / f"copy.{kind}"
    copy.write_bytes(press_download(getattr(many, kind)))
    expected = state.store.page(many.filters.query, limit=MANY).records
    assert len(expected) == 300
    assert tuple(read_export(copy)) == expected


def test_the_download_is_exactly_what_was_typed(
    open_panel: Open, page_settings: Settings, tmp_path: Path
) -> None:
    fill(page_settings, '=1+1 "quoted"', "<script>\n🦉", "half \ud83d an emoji")
    copy = tmp_path / "copy.csv"
    copy.write_bytes(press_download(open_panel().csv))
    assert CsvStore(copy).read() == open_store(page_settings).read()


@pytest.mark.parametrize(
    ("bound", "sentence"),
    [
        ({"MOST_RECORDS": 2}, "hands over 2 records at most, and these are 3"),
        ({"MOST_BYTES": 2**20}, "hands over 1 MiB at most, and this is more"),
    ],
    ids=["records", "bytes"],
)
def test_a_download_that_is_too_large_says_what_to_do(
    open_panel: Open,
    page_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    bound: dict[str, int],
    sentence: str,
) -> None:
    fill(page_settings, *("x" * 400_000 for _ in range(3)))
    panel = open_panel()
    for name, value in bound.items():
        monkeypatch.setattr(download, name, value)
    wire = Wire(panel.csv)
    wire.hears({"type": "make", "id": "1"})
    wait_until(lambda: wire.said)
    assert wire.said[-1]["type"] == "failed"
    assert sentence in wire.said[-1]["sentence"]
    assert "imgcap feedback export" in wire.said[-1]["sentence"]


def test_a_download_leaves_the_page_free(
    open_panel: Open, page_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(page_settings, "first", "second")
    panel = open_panel()
    go, iterate = threading.Event(), CsvStore.iterate

    def slow(store: CsvStore, query: Any = None) -> Any:
        go.wait()
        yield from iterate(store, query)

    monkeypatch.setattr(CsvStore, "iterate", slow)
    wire = Wire(panel.csv)
    wire.hears({"type": "make", "id": "1"})
    choose(panel, panel.filters.search, "first")
    assert comments(panel) == ["first"]
    assert not wire.said
    go.set()
    wait_until(lambda: wire.said)
    assert wire.said[-1]["type"] == "ready"


def test_any_comment_can_be_sent_to_a_page(open_panel: Open, page_settings: Settings) -> None:
    long = "x" * 100_000
    fill(page_settings, "half \ud83d an emoji", long, "two\n lines\x00")
    panel = open_panel()
    json_packer(panel.rows.grid.get_state())
    assert comments(panel) == [
        "two lines\x00",
        "x" * MOST_CHARACTERS + "…",
        "half ? an emoji",
    ]


def test_the_grid_has_the_colours_of_the_theme(
    open_panel: Open, page_settings: Settings, state: AppState
) -> None:
    fill(page_settings, "seen by night")
    panel = open_panel()
    for dark, theme in ((False, LIGHT), (True, DARK)):
        state.dark = dark
        style, heads = panel.rows.grid.grid_style, panel.rows.grid.header_renderer
        assert heads.text_color == panel.rows.grid.default_renderer.text_color == theme.ink
        assert style["header_background_color"] == style["background_color"] == theme.surface


def test_the_grid_needs_no_expressions(open_panel: Open, page_settings: Settings) -> None:
    """What the policy of the page refuses to compile would leave the grid without colours."""
    from ipydatagrid import VegaExpr

    from imgcap.widgets.page import parts

    fill(page_settings, "plain")
    assert not [part for part in parts(open_panel()) if isinstance(part, VegaExpr)]
