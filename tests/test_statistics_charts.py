import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imgcap.charts import DARK, LIGHT
from imgcap.charts.statistics import NO_FEEDBACK, STATISTICS_KINDS, statistics_figure
from imgcap.charts.statistics.calibration import NOT_JUDGED_YET, ONLY_INDEPENDENT
from imgcap.charts.statistics.groups import MOST_ROWS, NO_LABELS, NO_MODELS
from imgcap.feedback import Outline
from imgcap.feedback.statistics import Statistics, statistics_of
from tests.drawings import shown, strings
from tests.test_style import contrast

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = (
    '<img src=x onerror="alert(1)">',
    "<b>bold</b><br>",
    "cats &amp; dogs",
    "%{x} %{customdata}",
    "half \ud83d an emoji",
    "long " * 100,
    "two\nlines\x00",
)


def outline(**fields: Any) -> Outline:
    nothing = Outline(MONDAY, 3, "", None, "", "", "", "", "")
    return nothing._replace(**fields)


def answered(label: str, right: str = "", score: float = 0.5, **fields: Any) -> Outline:
    said = {"label": label, "corrected_label": right, "score": score, "classifier": "x/clip"}
    return outline(**said | fields)


SOME = statistics_of(
    [
        answered("cat", "cat", 0.9, rating=5),
        answered("cat", "cat", 0.9, rating=4),
        answered("cat", "lynx", 0.3, rating=2, time=MONDAY + timedelta(days=2)),
        answered("dog", rating=1),
        outline(caption="a", corrected_caption="b", captioner="y/blip", rating=3),
    ]
)
PLAIN = statistics_of([outline(rating=5)])
WILD = statistics_of([answered(name, other) for name in HOSTILE for other in HOSTILE])
MANY = statistics_of([answered(f"label {n}", f"label {n % 40}") for n in range(60)])

every_kind = pytest.mark.parametrize("kind", STATISTICS_KINDS)


def sentence(kind: str, statistics: Statistics | None) -> str:
    [note] = statistics_figure(kind, statistics).layout.annotations
    return shown(note.text).replace("\n", " ")


def test_the_kinds_are_these() -> None:
    assert [(kind.key, kind.name) for kind in STATISTICS_KINDS.values()] == [
        ("timeline", "Ratings over time"),
        ("labels", "By predicted label"),
        ("checkpoints", "By checkpoint"),
        ("calibration", "Calibration"),
        ("confusion", "Confusion"),
    ]
    assert list(STATISTICS_KINDS) == [kind.key for kind in STATISTICS_KINDS.values()]


@every_kind
@pytest.mark.parametrize("statistics", [None, statistics_of([])], ids=["unknown", "none"])
def test_without_feedback_one_sentence_stands_alone(kind: str, statistics: Statistics) -> None:
    assert sentence(kind, statistics) == NO_FEEDBACK
    layout = statistics_figure(kind, statistics).layout
    for axis in (layout.xaxis, layout.yaxis, layout.xaxis2, layout.yaxis2):
        assert not axis.visible


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("labels", NO_LABELS),
        ("checkpoints", NO_MODELS),
        ("calibration", NOT_JUDGED_YET),
        ("confusion", NOT_JUDGED_YET),
    ],
)
def test_what_a_chart_lacks_is_said(kind: str, reason: str) -> None:
    assert sentence(kind, PLAIN) == reason


def test_labels_that_were_judged_are_not_denied_where_their_scores_cannot_be_compared() -> None:
    apart = statistics_of([answered("cat", "cat", 0.9, independent=True)])
    assert sentence("calibration", apart) == ONLY_INDEPENDENT
    assert not statistics_figure("confusion", apart).layout.annotations


@every_kind
def test_a_figure_can_become_any_other_of_its_kind(kind: str) -> None:
    figures = [statistics_figure(kind, each) for each in (None, PLAIN, SOME, WILD, MANY)]
    assert len({tuple(trace.type for trace in figure.data) for figure in figures}) == 1
    assert len({figure.layout.height for figure in figures}) == 1
    assert {figure.layout.xaxis.type for figure in figures} == {None}, "else it loses its range"


@every_kind
def test_what_people_wrote_appears_literally_and_can_be_sent(kind: str) -> None:
    drawing = statistics_figure(kind, WILD).to_dict()
    json.dumps(drawing, ensure_ascii=False).encode()
    tags = {tag for text in strings(drawing) for tag in re.findall("<[^>]*>", text)}
    assert tags <= {"<b>", "</b>", "<br>", "<i>", "</i>"}
    templates = {trace.get("hovertemplate") for trace in drawing["data"]}
    assert templates == {None}, "which would fill in %{...}"


@every_kind
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_are_the_themes(kind: str, theme: Any) -> None:
    layout = statistics_figure(kind, SOME, dark=theme is DARK).layout
    assert (layout.font.color, layout.paper_bgcolor) == (theme.ink, theme.surface)


@every_kind
def test_the_width_is_the_pages_and_nothing_can_be_dragged(kind: str) -> None:
    layout = statistics_figure(kind, SOME).layout
    assert layout.width is None
    assert layout.dragmode is False
    for axis in (layout.xaxis, layout.yaxis, layout.xaxis2, layout.yaxis2):
        assert not axis.visible or axis.fixedrange


def test_bars_count_each_rating_and_a_line_tells_the_mean() -> None:
    *bars, means = statistics_figure("timeline", SOME).data
    assert [bar.name for bar in bars] == [f"{star} ★" for star in range(1, 6)]
    assert [list(bar.y) for bar in bars] == [[1, 0], [0, 1], [1, 0], [1, 0], [1, 0]]
    assert list(means.y) == [13 / 4, 2]
    assert shown(means.hovertext[0]).split("\n") == [
        "Day 2026-11-23",
        "4 ratings, mean 3.25 of 5",
        "1 ★: 1 · 2 ★: 0 · 3 ★: 1 · 4 ★: 1 · 5 ★: 1",
    ]
    assert bars[0].x[1] - bars[0].x[0] == 2


@pytest.mark.parametrize(
    ("days", "ticks"),
    [
        (0, ["23 Nov\n2026"]),
        (3, ["23 Nov\n2026", "24 Nov", "25 Nov", "26 Nov"]),
        (70, ["23 Nov\n2026", "14 Dec", "4 Jan\n2027", "25 Jan"]),
        (800, ["Nov\n2026", "May\n2027", "Nov", "May\n2028", "Nov"]),
        (9000, ["2026", "2032", "2038", "2044", "2050"]),
    ],
)
def test_an_axis_names_a_few_periods(days: int, ticks: list[str]) -> None:
    times = [MONDAY, MONDAY + timedelta(days=days)]
    drawing = statistics_figure("timeline", statistics_of(outline(time=time) for time in times))
    assert [shown(text) for text in drawing.layout.xaxis.ticktext] == ticks
    first, last = drawing.layout.xaxis.range
    bar = drawing.data[2]
    assert first <= bar.x[0] < bar.x[-1] + bar.width[-1] <= last
    assert max(bar.width) <= (last - first) / 5, "a single period is no wall"


def test_the_ends_of_the_calendar_are_drawn() -> None:
    ends = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    drawing = statistics_figure("timeline", statistics_of(outline(time=time) for time in ends))
    assert drawing.layout.xaxis.ticktext[0] == "1"


def test_labels_are_drawn_with_rating_and_accuracy() -> None:
    means, shares = statistics_figure("labels", SOME).data
    assert list(means.x) == pytest.approx([11 / 3, 1])
    assert [shares.x[0], shares.x[1]] == [pytest.approx(200 / 3), None]
    # Wilson's interval of 2 of 3: 0.208 to 0.939.
    assert shares.x[0] - shares.error_x.arrayminus[0] == pytest.approx(20.8, abs=0.05)
    assert shares.x[0] + shares.error_x.array[0] == pytest.approx(93.9, abs=0.05)
    assert shown(means.hovertext[0]).split("\n") == [
        "cat",
        "3 ratings, mean 3.67 of 5",
        "66.7\xa0% right of 3 judged (21\xa0% to 94\xa0%)",
    ]
    assert shown(means.hovertext[1]).split("\n")[-1] == "not judged"


def test_only_the_most_frequent_labels_have_room() -> None:
    drawing = statistics_figure("labels", MANY)
    assert len(drawing.data[0].x) == len(drawing.layout.yaxis.ticktext) == MOST_ROWS
    assert len(STATISTICS_KINDS["labels"].rows(MANY)) == 61


def test_checkpoints_are_named_shortly_and_told_apart_by_what_they_do() -> None:
    drawing = statistics_figure("checkpoints", SOME)
    assert [shown(text) for text in drawing.layout.yaxis.ticktext] == [
        "clip\nlabels",
        "blip\ncaptions",
    ]
    assert shown(drawing.data[0].hovertext[1]).split("\n")[:2] == ["y/blip", "captions"]
    assert list(drawing.data[1].x) == [pytest.approx(200 / 3), 0]


def test_calibration_is_drawn_against_the_diagonal() -> None:
    diagonal, points = statistics_figure("calibration", SOME).data
    assert (tuple(diagonal.x), tuple(diagonal.y)) == ((0, 100), (0, 100))
    assert list(points.x) == pytest.approx([30, 90])
    assert list(points.y) == [0, 100]
    assert points.marker.size[0] < points.marker.size[1], "more were judged"
    assert sentence("calibration", SOME) == f"Expected calibration error {50 / 3:.1f}\xa0%"
    assert shown(points.hovertext[1]).split("\n") == [
        "Score 90\xa0% to 100\xa0%",
        "90.0\xa0% sure in the mean",
        "100.0\xa0% right of 2 judged (34\xa0% to 100\xa0%)",
    ]


def test_confusions_are_squares_with_their_number() -> None:
    drawing = statistics_figure("confusion", SOME)
    [cells] = drawing.data
    assert list(drawing.layout.yaxis.ticktext) == ["cat", "lynx"]
    assert [list(row) for row in cells.z] == [[2, 1], [None, None]]
    assert shown(cells.hovertext[0][1]).split("\n") == ["predicted cat", "right lynx", "1 times"]
    assert shown(cells.hovertext[0][0]).split("\n")[1] == "predicted and right"
    assert len(drawing.layout.shapes) == 2


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_numbers_can_be_read_on_every_square(theme: Any) -> None:
    [cells] = statistics_figure("confusion", SOME, dark=theme is DARK).data
    assert cells.textfont.color == theme.ink
    for _, colour in cells.colorscale:
        assert contrast(theme.ink, colour) >= 4.5


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (
            "timeline",
            [
                ("Day (UTC)", "Ratings", "Mean", "1 of 5", "2 of 5", "3 of 5", "4 of 5", "5 of 5"),
                ("2026-11-23", "4", "3.25", "1", "0", "1", "1", "1"),
                ("2026-11-25", "1", "2.00", "0", "1", "0", "0", "0"),
            ],
        ),
        (
            "labels",
            [
                ("Label", "Ratings", "Mean", "Judged", "Right", "95\xa0% interval"),
                ("cat", "3", "3.67", "3", "66.7\xa0%", "21\xa0% to 94\xa0%"),
                ("dog", "1", "1.00", "0", "not judged", ""),
            ],
        ),
        (
            "checkpoints",
            [
                ("For", "Checkpoint", "Ratings", "Mean", "Judged", "Right", "95\xa0% interval"),
                ("labels", "x/clip", "4", "3.00", "3", "66.7\xa0%", "21\xa0% to 94\xa0%"),
                ("captions", "y/blip", "1", "3.00", "1", "0.0\xa0%", "0\xa0% to 79\xa0%"),
            ],
        ),
        (
            "calibration",
            [
                ("Score", "Judged", "Mean score", "Right", "95\xa0% interval"),
                ("30\xa0% to 40\xa0%", "1", "30.0\xa0%", "0.0\xa0%", "0\xa0% to 79\xa0%"),
                ("90\xa0% to 100\xa0%", "2", "90.0\xa0%", "100.0\xa0%", "34\xa0% to 100\xa0%"),
            ],
        ),
        (
            "confusion",
            [
                ("Predicted label", "Right label", "Times"),
                ("cat", "cat", "2"),
                ("cat", "lynx", "1"),
            ],
        ),
    ],
)
def test_each_chart_is_also_a_table(kind: str, rows: list[tuple[str, ...]]) -> None:
    assert STATISTICS_KINDS[kind].rows(SOME) == rows


def test_almost_all_is_not_written_as_all() -> None:
    outlines = [answered("cat", "cat")] * 4999 + [answered("cat", "dog")]
    row = STATISTICS_KINDS["labels"].rows(statistics_of(outlines))[1]
    assert row[-2] == "99.9\xa0%"
