import re
from pathlib import Path

import pytest

import imgcap
from imgcap.charts import (
    DARK,
    KINDS,
    LIGHT,
    MOST_MARKS,
    NO_WHOLE,
    NOTHING_YET,
    OKABE_ITO,
    Theme,
    figure,
)
from imgcap.inference import Classification, Prediction
from tests.drawings import shown, strings

HOSTILE = (
    "<b>bold</b>",
    '<a href="//example.org">here</a>',
    "<br><br>",
    "<img src=x onerror=alert(1)>",
    "cats &amp; dogs &lt;3",
    "%{x} %{customdata}",
)


def classified(*scores: float, independent: bool = False) -> Classification:
    labels = (f"label {place}" for place in range(len(scores)))
    return named(dict(zip(labels, scores, strict=True)), independent=independent)


def named(scores: dict[str, float], *, independent: bool = False) -> Classification:
    predictions = tuple(Prediction(label, score) for label, score in scores.items())
    return Classification(predictions, independent, "fake", 1.0)


THREE = named({"cat": 0.7, "dog": 0.2, "owl": 0.1})
THOUSAND = classified(*[0.5, *[0.5 / 999] * 999])


def values(kind: str, result: Classification | None, top: int = 5) -> list[float]:
    trace = figure(kind, result, top=top).data[0]
    where, whole = {"bar": ("x", 100), "line": ("y", 100), "pie": ("values", 1)}[kind]
    return [value / whole for value in trace[where]]


def names(kind: str, result: Classification | None, top: int = 5) -> list[str]:
    """Return what stands beside each mark, as a browser shows it."""
    drawing = figure(kind, result, top=top)
    where = {"bar": "layout.yaxis.ticktext", "line": "layout.xaxis.ticktext"}
    beside = drawing[where.get(kind, "data[0].labels")]
    return [re.sub(r"  \S*\d+\s%\u200b*$", "", shown(text)) for text in beside]


def hovers(kind: str, result: Classification) -> list[str]:
    return [shown(text) for text in figure(kind, result).data[0].hovertext]


def sentences(kind: str, result: Classification | None) -> list[str]:
    notes = figure(kind, result).layout.annotations
    return [shown(note.text).replace("\n", " ") for note in notes]


OF_ONE = [key for key, kind in KINDS.items() if kind.subject == "picture"]
every_kind = pytest.mark.parametrize("kind", OF_ONE)
each_theme = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def test_the_three_kinds_of_the_original_come_first() -> None:
    assert [(kind.key, kind.name) for kind in KINDS.values()][:3] == [
        ("bar", "Horizontal bar"),
        ("pie", "Pie"),
        ("line", "Line"),
    ]
    assert len(KINDS) == 7
    assert list(KINDS) == [kind.key for kind in KINDS.values()]


@every_kind
def test_each_label_is_drawn_with_its_score(kind: str) -> None:
    assert names(kind, THREE) == ["cat", "dog", "owl"]
    assert values(kind, THREE) == pytest.approx([0.7, 0.2, 0.1])
    assert hovers(kind, THREE) == ["cat\n70.000\xa0%", "dog\n20.000\xa0%", "owl\n10.000\xa0%"]


def test_the_best_bar_is_on_top_and_bars_run_to_a_hundred() -> None:
    drawing = figure("bar", THREE)
    bottom, top = drawing.layout.yaxis.range
    assert list(drawing.data[0].y) == [0, 1, 2]
    assert top < 0
    assert bottom > 2
    assert tuple(drawing.layout.xaxis.range) == (0, 100)
    assert drawing.data[0].text == ("70\xa0%", "20\xa0%", "10\xa0%")


def test_the_line_keeps_the_order_and_runs_to_a_hundred() -> None:
    drawing = figure("line", THREE)
    assert drawing.data[0].mode == "lines+markers"
    assert list(drawing.data[0].x) == [0, 1, 2]
    assert tuple(drawing.layout.yaxis.range) == (0, 100)


@every_kind
@pytest.mark.parametrize("scores", [(1.0,), (0.6, 0.4)])
def test_one_or_two_labels_are_drawn_without_others(kind: str, scores: tuple[float, ...]) -> None:
    assert values(kind, classified(*scores)) == pytest.approx(list(scores))


@every_kind
def test_a_thousand_labels_become_the_best_and_the_others_together(kind: str) -> None:
    assert names(kind, THOUSAND)[0] == "label 0"
    assert names(kind, THOUSAND)[-1] == "995 other labels"
    assert len(names(kind, THOUSAND)) == 6
    assert sum(values(kind, THOUSAND)) == pytest.approx(1)


@every_kind
def test_the_others_are_told_exactly_as_far_as_there_is_room(kind: str) -> None:
    result = named({f"label {n}": score for n, score in enumerate((0.6, 0.3, 0.05, 0.03, 0.02))})
    few = shown(figure(kind, result, top=3).data[0].hovertext[-1]).split("\n")
    assert few == ["2 other labels", "5.000\xa0%", "label 3 3.000\xa0%", "label 4 2.000\xa0%"]
    many = hovers(kind, THOUSAND)[-1].split("\n")
    assert many[:3] == ["995 other labels", "49.800\xa0%", "label 5 0.050\xa0%"]
    assert len(many) == 9
    assert many[-1] == "…"


def test_a_pie_has_room_for_every_name_however_small_its_slice() -> None:
    drawing = figure("pie", classified(0.96, *[0.01] * 4))
    trace = drawing.data[0]
    assert list(trace.text) == ["96\xa0%", "", "", "", ""], "nothing is written in a tiny slice"
    assert trace.textposition == "inside", "nor beside it, where names would lie on each other"
    assert drawing.layout.showlegend
    assert [shown(label).rstrip("\u200b") for label in trace.labels] == [
        "label 0  96\xa0%",
        *(f"label {place}  1\xa0%" for place in range(1, 5)),
    ]


def test_slices_that_are_called_the_same_stay_apart() -> None:
    start = "a photograph of a dog that"
    labels = figure("pie", named({f"{start} {n}": 0.25 for n in range(4)})).data[0].labels
    assert len(set(labels)) == 4, "plotly adds up slices of equal labels"


@every_kind
def test_asking_for_all_of_a_thousand_stays_readable(kind: str) -> None:
    best = len(OKABE_ITO) if kind == "pie" else MOST_MARKS
    assert len(values(kind, THOUSAND, top=1000)) == best + 1
    assert names(kind, THOUSAND, top=1000)[-1] == f"{1000 - best} other labels"


@every_kind
def test_a_single_label_left_over_is_named_in_the_singular(kind: str) -> None:
    assert names(kind, THREE, top=2) == ["cat", "dog", "1 other label"]


@pytest.mark.parametrize("kind", ["bar", "line"])
def test_independent_scores_are_not_added_up(kind: str) -> None:
    result = classified(0.9, 0.8, 0.7, independent=True)
    assert values(kind, result, top=2) == pytest.approx([0.9, 0.8])


def test_a_pie_of_independent_scores_says_why_there_is_none() -> None:
    result = classified(0.9, 0.8, independent=True)
    assert values("pie", result) == []
    assert sentences("pie", result) == [NO_WHOLE]


@every_kind
@pytest.mark.parametrize("result", [None, classified()], ids=["no picture", "no labels"])
def test_without_labels_one_sentence_stands_alone(kind: str, result: Classification) -> None:
    drawing = figure(kind, result)
    assert sentences(kind, result) == [NOTHING_YET]
    assert not drawing.layout.xaxis.visible
    assert not drawing.layout.yaxis.visible
    assert values(kind, result) == []


@every_kind
def test_the_sentence_is_the_callers(kind: str) -> None:
    drawing = figure(kind, None, empty="Not <yet>.")
    assert shown(drawing.layout.annotations[0].text) == "Not <yet>."
    assert not drawing.layout.showlegend


@every_kind
def test_with_labels_there_is_no_sentence(kind: str) -> None:
    assert sentences(kind, THREE) == []


@every_kind
def test_hostile_labels_appear_literally(kind: str) -> None:
    result = named(dict.fromkeys(HOSTILE, 1 / len(HOSTILE)))
    drawing = figure(kind, result, top=len(HOSTILE))
    tags = {tag for text in strings(drawing.to_dict()) for tag in re.findall("<[^>]*>", text)}
    assert tags <= {"<b>", "</b>", "<br>"}
    whole = [hover.rsplit("\n", 1)[0].replace("\n", " ") for hover in hovers(kind, result)[:5]]
    assert whole == list(HOSTILE[:5])
    assert drawing.data[0].hovertemplate is None  # which would fill in %{...}
    assert names(kind, result)[0] == "<b>bold</b>"


@every_kind
def test_long_labels_are_short_on_the_chart_and_whole_under_the_pointer(kind: str) -> None:
    start = "a photograph of a golden retriever that"
    result = named({f"{start} sleeps": 0.6, f"{start} runs": 0.3, "猫" * 60: 0.1})
    beside = names(kind, result)
    assert all(name.endswith("…") and len(name) <= 22 for name in beside)
    assert len(beside[2]) <= 12, "wide characters take two cells"
    assert values(kind, result) == pytest.approx([0.6, 0.3, 0.1]), "alike once short, yet apart"
    assert hovers(kind, result)[0].replace("\n", " ") == f"{start} sleeps 60.000\xa0%"
    assert max(len(line) for line in hovers(kind, result)[0].split("\n")) <= 34


@every_kind
def test_no_score_is_written_as_a_certainty(kind: str) -> None:
    result = named({"cat": 0.999_999_9, "dog": 1e-7})
    assert hovers(kind, result) == ["cat\nover 99.999\xa0%", "dog\nunder 0.001\xa0%"]


@every_kind
def test_the_traces_are_the_same_whatever_is_drawn(kind: str) -> None:
    results = [None, classified(), THREE, THOUSAND, classified(0.9, 0.8, independent=True)]
    assert len({tuple(trace.type for trace in figure(kind, r).data) for r in results}) == 1
    assert len({figure(kind, r).layout.height for r in results}) == 1


@every_kind
@each_theme
def test_a_chart_has_a_background_that_its_text_stands_out_from(kind: str, theme: Theme) -> None:
    for result in (None, THREE):
        layout = figure(kind, result, dark=theme is DARK).layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == theme.surface, "also once kept"
        assert layout.font.color == theme.ink


@each_theme
def test_the_background_is_that_of_a_card(theme: Theme) -> None:
    css = Path(imgcap.__file__).with_name("widgets").joinpath("style.css").read_text("utf-8")
    light, dark = re.findall(r"--imgcap-surface: (#\w{6});", css)
    assert theme.surface == (dark if theme is DARK else light)


@every_kind
def test_nothing_can_be_dragged_and_the_width_is_the_pages(kind: str) -> None:
    layout = figure(kind, THREE).layout
    assert layout.dragmode is False
    assert layout.autosize
    assert layout.width is None


@every_kind
def test_dark_changes_the_colours_alone(kind: str) -> None:
    light, dark = figure(kind, THREE), figure(kind, THREE, dark=True)
    assert (light.layout.font.color, dark.layout.font.color) == (LIGHT.ink, DARK.ink)
    assert light.data[0].hovertext == dark.data[0].hovertext


def test_all_slices_of_a_pie_have_different_colours() -> None:
    colours = figure("pie", THOUSAND, top=20).data[0].marker.colors
    assert len(set(colours)) == len(colours) == 8


@each_theme
def test_text_and_marks_stand_out_from_what_is_behind_them(theme: Theme) -> None:
    assert contrast(theme.ink, theme.surface) >= 7
    for fill in (theme.accent, theme.rest):
        assert contrast(fill, theme.surface) >= 4.5, "marks, and the percentages within bars"
    drawing = figure("pie", THREE, dark=theme is DARK)
    assert drawing.data[0].marker.line.color == theme.ink, "pale slices have an outline"


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two #rrggbb colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
