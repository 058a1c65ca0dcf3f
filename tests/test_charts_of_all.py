import re
from pathlib import Path

import numpy as np
import pytest

from imgcap.charts import DARK, KINDS, LIGHT, MOST_BARS, Embeddings, ScoreTable, Theme, figure
from imgcap.charts.beside import seen_from, sides
from imgcap.inference import Classification, Prediction
from imgcap.labels import read_labels
from tests.drawings import shown, strings
from tests.test_charts import HOSTILE, contrast, luminance

ROOT = Path(__file__).resolve().parent.parent
OF_ALL = [key for key, kind in KINDS.items() if kind.subject != "picture"]
EMPTY = "Bring <two> pictures."
every_kind = pytest.mark.parametrize("kind", OF_ALL)
each_theme = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def scored(n_rows: int, n_labels: int, *, independent: bool = False) -> ScoreTable:
    scores = np.random.default_rng(1).dirichlet(np.ones(n_labels), n_rows)
    rows = tuple(f"{n}.jpg" for n in range(n_rows))
    return ScoreTable(rows, tuple(f"label {n}" for n in range(n_labels)), scores, independent)


def placed(table: ScoreTable, dim: int = 32) -> Embeddings:
    rng = np.random.default_rng(2)
    pictures = rng.normal(size=(len(table.rows), dim)) + 9
    labels = rng.normal(size=(len(table.labels), dim)) - 9
    return Embeddings(table, pictures.astype(np.float32), labels.astype(np.float32))


def fitting(kind: str, table: ScoreTable) -> ScoreTable | Embeddings:
    return placed(table) if KINDS[kind].subject == "space" else table


TWO = ScoreTable(
    ("one.jpg", "two.jpg"), ("cat", "dog", "owl"), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
)


def test_answers_become_rows_whatever_order_their_labels_have() -> None:
    answers = [
        Classification((Prediction("cat", 0.7), Prediction("dog", 0.3)), False, "fake", 1),  # noqa: FBT003
        Classification((Prediction("dog", 0.9), Prediction("cat", 0.1)), False, "fake", 1),  # noqa: FBT003
    ]
    table = ScoreTable.of(["one", "two"], answers)
    assert table.scores.tolist() == [[0.7, 0.3], [0.1, 0.9]]
    assert [p.label for p in table.means()] == ["dog", "cat"]


@pytest.mark.parametrize("kind", ["pictures", "prompts"])
def test_a_heat_map_has_a_cell_for_each_row_and_the_best_labels(kind: str) -> None:
    drawing = figure(kind, TWO, top=2)
    [trace] = drawing.data
    assert np.array(trace.z) == pytest.approx(np.array([[70, 10, 20], [10, 60, 30]]))
    assert [shown(t) for t in drawing.layout.xaxis.ticktext] == ["cat", "owl", "1 other label"]
    assert list(drawing.layout.yaxis.ticktext) == ["one.jpg", "two.jpg"]
    assert shown(trace.hovertext[1][1]) == "two.jpg\nowl\n60.000\xa0%"
    bottom, top = drawing.layout.yaxis.range
    assert bottom > top, "the first picture is on top"


def test_a_cell_never_says_a_false_certainty() -> None:
    table = ScoreTable(("a",), ("cat", "dog"), np.array([[0.9999, 0.0001]]))
    assert figure("pictures", table).data[0].text == ([">99", ""],)


def test_bars_stand_where_their_label_and_picture_are_and_are_as_high_as_the_score() -> None:
    drawing = figure("bars", TWO, top=3)
    [mesh] = drawing.data
    x, y, z = (np.reshape(axis, (6, 8)) for axis in (mesh.x, mesh.y, mesh.z))
    assert x.mean(axis=1) == pytest.approx([0, 1, 2, 0, 1, 2])
    assert y.mean(axis=1) == pytest.approx([0, 0, 0, 1, 1, 1])
    assert z.max(axis=1) == pytest.approx([70, 10, 20, 10, 60, 30])
    assert z.min() == 0
    assert max(mesh.i) < len(mesh.x), "every side has its corners"
    assert shown(mesh.hovertext[0]) == "one.jpg\ncat\n70.000\xa0%"
    assert list(drawing.layout.scene.xaxis.ticktext) == ["cat", "owl", "dog"]


def test_every_side_of_a_bar_is_covered_by_two_triangles() -> None:
    mesh = figure("bars", ScoreTable(("a",), ("cat",), np.array([[1.0]]))).data[0]
    points = np.array([mesh.x, mesh.y, np.array(mesh.z) / 100]).T
    corners = points[np.array([mesh.i, mesh.j, mesh.k]).T]
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    width = np.ptp(points[:, 0])
    assert np.abs(sides).sum(axis=0) == pytest.approx([2 * width, 2 * width, 2 * width**2])


def test_components_are_the_principal_ones_and_say_what_they_explain() -> None:
    embeddings = placed(scored(5, 7))
    parts = (embeddings.pictures, embeddings.labels)
    centred = np.concatenate([p.astype(float) - p.astype(float).mean(axis=0) for p in parts])
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    found = embeddings.components
    assert found.shares == pytest.approx((singular**2 / (singular**2).sum())[:3])
    points = np.concatenate([found.pictures, found.labels])
    assert np.abs(points) == pytest.approx(np.abs(centred @ axes[:3].T), abs=1e-5)
    names = [figure("space", embeddings).layout.scene[f"{a}axis"].title.text for a in "xyz"]
    assert names == [f"Component {n} ({100 * s:.0f}\xa0%)" for n, s in enumerate(found.shares, 1)]


def test_the_gap_between_pictures_and_texts_is_no_component() -> None:
    found = placed(scored(5, 7)).components
    assert found.pictures.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert found.labels.mean(axis=0) == pytest.approx(0, abs=1e-5)
    notes = figure("space", placed(scored(5, 7))).layout.annotations
    assert "centred apart" in notes[0].text


def test_two_pictures_and_one_label_have_one_component() -> None:
    found = placed(scored(2, 1)).components
    assert found.shares == pytest.approx((1, 0, 0))
    assert np.isfinite(found.pictures).all()


def test_equal_pictures_and_labels_lie_in_one_point() -> None:
    ones = np.ones((2, 4), np.float32)
    found = Embeddings(scored(2, 2), ones, ones).components
    assert found.shares == (0, 0, 0)
    assert not found.pictures.any()


def test_the_best_labels_are_named_and_the_others_are_points() -> None:
    pictures, named, others = figure("space", placed(scored(3, 9)), top=4).data
    assert list(pictures.text) == ["0.jpg", "1.jpg", "2.jpg"]
    assert (len(named.text), named.mode, len(others.x), others.mode) == (
        4,
        "markers+text",
        5,
        "markers",
    )
    best = scored(3, 9).means()
    assert list(named.text) == [each.label for each in best[:4]]
    assert [shown(t).split("\n")[0] for t in others.hovertext] == [p.label for p in best[4:]]


@every_kind
def test_two_hundred_pictures_and_a_thousand_labels_stay_readable(kind: str) -> None:
    drawing = figure(kind, fitting(kind, scored(200, 1000)), top=1000)
    if kind == "space":
        pictures, named, others = drawing.data
        assert (len(pictures.x), len(named.x), len(others.x)) == (200, 15, 985)
        assert pictures.mode == "markers", "two hundred names would cover each other"
    elif kind == "bars":
        assert len(drawing.data[0].x) == MOST_BARS * 15 * 8
        assert f"latest {MOST_BARS} of 200" in drawing.layout.annotations[0].text
        assert drawing.layout.scene.yaxis.ticktext[0] == f"{200 - MOST_BARS}.jpg"
    else:
        assert np.array(drawing.data[0].z).shape == (200, 16)
        assert np.array(drawing.data[0].z).sum(axis=1) == pytest.approx(np.full(200, 100))
        assert len(drawing.layout.yaxis.ticktext) <= 12
        assert drawing.data[0].zmax < 10, "colours are not wasted on what no label reaches"


@pytest.mark.parametrize("kind", ["prompts", "pictures"])
def test_independent_scores_are_not_added_up(kind: str) -> None:
    apart, together = (
        list(strings(figure(kind, scored(2, 8, independent=independent), top=3).to_dict()))
        for independent in (True, False)
    )
    assert not any("other labels" in text for text in apart)
    assert any("other labels" in text for text in together)


@every_kind
def test_without_data_one_sentence_stands_alone(kind: str) -> None:
    drawing = figure(kind, None, empty=EMPTY)
    assert [shown(note.text) for note in drawing.layout.annotations] == [EMPTY]
    assert not drawing.layout.xaxis.visible
    assert drawing.layout.scene == type(drawing.layout.scene)(), "no empty room"
    assert not drawing.layout.showlegend


@every_kind
def test_hostile_names_and_labels_appear_literally(kind: str) -> None:
    scores = np.random.default_rng(3).dirichlet(np.ones(len(HOSTILE)), len(HOSTILE))
    table = ScoreTable(HOSTILE, HOSTILE, scores)
    drawing = figure(kind, fitting(kind, table), top=len(HOSTILE))
    tags = {tag for text in strings(drawing.to_dict()) for tag in re.findall("<[^>]*>", text)}
    assert tags <= {"<b>", "</b>", "<br>", "<i>", "</i>"}
    assert all(trace.hovertemplate is None for trace in drawing.data)


@every_kind
def test_long_names_are_short_on_the_chart_and_whole_under_the_pointer(kind: str) -> None:
    long = "a photograph of a golden retriever that sleeps in the sun"
    table = ScoreTable((long, "猫" * 40), (long, "cat"), np.array([[0.6, 0.4], [0.5, 0.5]]))
    drawing = figure(kind, fitting(kind, table))
    hovers = drawing.data[0].hovertext
    first = hovers[0] if isinstance(hovers[0], str) else hovers[0][0]
    assert long in shown(first).replace("\n", " ")
    scene = kind in {"bars", "space"}
    axes = (drawing.layout.scene if scene else drawing.layout).to_plotly_json()
    beside = [t for a in ("xaxis", "yaxis") for t in axes[a].get("ticktext", ())]
    beside += [t for trace in drawing.data if kind == "space" for t in trace.text or ()]
    assert beside
    assert all(len(line) <= 17 for text in beside for line in shown(text).split("\n"))


@pytest.mark.parametrize("kind", ["prompts", "pictures", "bars", "space"])
def test_names_that_begin_alike_can_still_be_told_apart(kind: str) -> None:
    labels = read_labels(ROOT / "data" / "labels" / "seed.txt")
    rows = [f"IMG_20261123_0{number}.jpg" for number in range(4)]
    scores = np.random.default_rng(1).dirichlet(np.ones(len(labels)), len(rows))
    drawing = figure(kind, fitting(kind, ScoreTable(tuple(rows), tuple(labels), scores)))
    if kind == "space":
        ticks = [[name for name in trace.text if name] for trace in drawing.data[:2]]
    else:
        room = drawing.layout.scene if kind == "bars" else drawing.layout
        ticks = [room.yaxis.ticktext, room.xaxis.ticktext]
    assert [text[:2] for text in ticks[0]] == ["…0"] * len(ticks[0])
    assert len({*ticks[0]}) == len(ticks[0]) > 2
    assert len({*ticks[1]}) == len(ticks[1]) > 2
    assert not any("photo of" in text for text in ticks[1])


def test_names_in_space_hide_neither_points_nor_each_other() -> None:
    apart = np.array([[0.0, 0.0], [0.3, 0.0], [0.0, 0.3]])
    assert sides(apart, ["cat"] * 3) == ["top center"] * 3
    near = np.array([[0.0, 0.0], [0.0, 0.12]])
    assert sides(near, ["cat"] * 2) == ["bottom center", "top center"]
    at_the_edge = np.array([[1.15, 0.0]])
    assert sides(at_the_edge, ["a long name"]) == ["middle left"]
    heap = sides(np.zeros((9, 2)), ["cat"] * 9)
    assert heap == [*("top center", "bottom center", "middle right", "middle left"), *[""] * 5]


def test_points_are_seen_where_plotly_draws_them() -> None:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)], float)
    seen = seen_from(corners, {"x": 0, "y": -2, "z": 0})
    front, back = corners[:, 1] == 0, corners[:, 1] == 2
    assert np.sign(seen[:, 0]).tolist() == np.where(corners[:, 0] == 0, -1, 1).tolist()
    assert np.sign(seen[:, 1]).tolist() == np.where(corners[:, 2] == 0, -1, 1).tolist()
    assert np.abs(seen[front]) == pytest.approx(0.5 / (1 - 0.5 / 2))
    assert np.abs(seen[back]) == pytest.approx(0.5 / (1 + 0.5 / 2))


@every_kind
def test_the_traces_are_the_same_whatever_is_drawn(kind: str) -> None:
    tables = [None, TWO, scored(60, 40), scored(2, 1)]
    drawings = [figure(kind, t and fitting(kind, t)) for t in tables]
    assert len({tuple(trace.type for trace in drawing.data) for drawing in drawings}) == 1
    assert len({drawing.layout.height for drawing in drawings}) == 1


@every_kind
def test_the_same_is_told_as_a_table(kind: str) -> None:
    rows = KINDS[kind].rows
    assert rows is not None
    head, *lines = rows(fitting(kind, TWO), 2)
    assert lines[0][0] == "one.jpg"
    assert all(len(line) == len(head) for line in lines)
    if kind != "space":
        assert (head[1:], lines[1][1:]) == (
            ("cat", "owl", "1 other label"),
            ("10.000\xa0%", "60.000\xa0%", "30.000\xa0%"),
        )


@each_theme
def test_colours_tell_little_from_much_by_lightness_alone(theme: Theme) -> None:
    lightness = [luminance(colour) for colour in theme.scale]
    assert lightness == sorted(lightness, reverse=theme is LIGHT)
    assert contrast(theme.scale[-1], theme.surface) >= 7
    assert contrast(theme.scale[0], theme.surface) < 1.5
