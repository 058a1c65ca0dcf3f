from imgcap.widgets.learning.figures import compared, gain_of, measured


def test_figures_of_captions_are_told_and_damaged_ones_are_not() -> None:
    measures = {"cider": 0.5, "f1": 0.25}
    gain = {"mean": 0.1, "low": -0.2, "high": 0.4}
    part = {"pictures": 12, "before": measures, "after": measures, "gain": gain}
    figures = {"everything": part, "corrected": part, "untouched": None}
    assert "<td>0.50 → 0.50</td>" in measured(figures)
    assert gain_of(figures) == "CIDEr +0.10 (-0.20 to +0.40)"
    assert compared(figures) == []
    for damaged in ({}, {"everything": 3}, figures | {"everything": {"before": measures}}):
        assert (measured(damaged), gain_of(damaged), compared(damaged)) == ("", "", [])
