"""Pages, order and filters of a table of thousands of records."""

from datetime import date

from imgcap.widgets.records import RecordsPanel
from imgcap.widgets.state import AppState
from tests.records_page import choose, comments, is_shown, press


def numbers(panel: RecordsPanel) -> list[int]:
    return [int(comment.split()[1]) for comment in comments(panel)]


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
