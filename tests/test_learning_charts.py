import pytest
from jupyter_client.session import json_packer

from imgcap.charts import DARK, LIGHT
from imgcap.charts.learning import Compared, learning_figure, points
from imgcap.feedback.statistics import accuracy_of

PARTS = (
    Compared("All judged pictures", accuracy_of(10, 20), accuracy_of(15, 20), 0.25, 0.05, 0.45),
    Compared("Of other labels", accuracy_of(5, 5), accuracy_of(5, 5), 0.0, 0.0, 0.0),
)


@pytest.mark.parametrize("dark", [False, True])
def test_before_after_and_gain_have_their_intervals(*, dark: bool) -> None:
    figure = learning_figure(PARTS, dark=dark, empty="")
    before, after, gain = figure.data
    assert list(before.x) == [50, 100]
    assert list(after.x) == [75, 100]
    assert list(gain.x) == [25, 0]
    assert gain.error_x.array == pytest.approx([20, 0])
    assert gain.error_x.arrayminus == pytest.approx([20, 0])
    low = before.x[0] - before.error_x.arrayminus[0]
    assert low == pytest.approx(100 * accuracy_of(10, 20).low)
    assert before.y[0] < 0 < after.y[0], "above each other, in one row"
    assert figure.layout.paper_bgcolor == (DARK if dark else LIGHT).surface
    assert figure.layout.yaxis.ticktext == ("All judged<br>pictures", "Of other<br>labels")
    json_packer(figure.to_plotly_json())


def test_without_figures_a_sentence_stands_there_with_the_same_kinds_of_traces() -> None:
    empty = learning_figure((), empty="Nothing was measured.")
    assert empty.layout.annotations[0].text == "Nothing was measured."
    assert [trace.type for trace in empty.data] == [
        trace.type for trace in learning_figure(PARTS, empty="").data
    ]


def test_a_gain_is_told_with_its_interval() -> None:
    assert points(PARTS[0]) == "+25.0 points (+5.0 to +45.0)"
