"""Ratings by day, week, month or year, as long as feedback has been given."""

from datetime import UTC, date, datetime, timedelta

import pytest

from imgcap.feedback.statistics import statistics_of
from tests.feedback_outlines import MONDAY, said


@pytest.mark.parametrize(
    ("days", "unit", "starts"),
    [
        (0, "day", [date(2026, 11, 23)]),
        (59, "day", [date(2026, 11, 23), date(2027, 1, 21)]),
        (60, "week", [date(2026, 11, 23), date(2027, 1, 18)]),
        (800, "month", [date(2026, 11, 1), date(2029, 1, 1)]),
        (9000, "year", [date(2026, 1, 1), date(2051, 1, 1)]),
    ],
)
def test_the_span_decides_how_long_a_period_is(days: int, unit: str, starts: list[date]) -> None:
    times = {MONDAY, MONDAY + timedelta(days=days)}
    timeline = statistics_of(said(time=time) for time in times).timeline
    assert timeline.unit == unit
    assert [period.start for period in timeline.periods] == starts


def test_a_period_has_its_own_ratings() -> None:
    sunday, later = MONDAY + timedelta(days=6, hours=11, minutes=59), MONDAY + timedelta(days=70)
    times = {MONDAY: 5, sunday: 2, sunday + timedelta(minutes=1): 4, later: 1}
    timeline = statistics_of(
        said(time=time, rating=stars) for time, stars in times.items()
    ).timeline
    assert [(period.start.day, period.ratings.stars) for period in timeline.periods] == [
        (23, (0, 1, 0, 0, 1)),
        (30, (0, 0, 0, 1, 0)),
        (1, (1, 0, 0, 0, 0)),
    ]


def test_the_ends_of_the_calendar_have_room() -> None:
    ends = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    timeline = statistics_of(said(time=time) for time in ends).timeline
    assert [period.start.year for period in timeline.periods] == [1, 9999]
