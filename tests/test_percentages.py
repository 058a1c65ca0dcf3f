import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcap.percentages import percent, share_percent


@given(st.floats(0, 1), st.integers(0, 3))
def test_a_percentage_never_claims_certainty(score: float, decimals: int) -> None:
    written = percent(score, decimals)
    assert written.endswith("\xa0%"), "no line ends before the sign"
    assert 0 < float(written.removesuffix("\xa0%").split()[-1]) < 100


@pytest.mark.parametrize(
    ("score", "decimals", "written"),
    [
        (0.874, 0, "87\xa0%"),
        (1, 0, "over 99\xa0%"),
        (0.9951, 0, "over 99\xa0%"),
        (0.004, 0, "under 1\xa0%"),
        (0.874, 3, "87.400\xa0%"),
        (1, 3, "over 99.999\xa0%"),
        (0, 3, "under 0.001\xa0%"),
    ],
)
def test_scores_are_rounded(score: float, decimals: int, written: str) -> None:
    assert percent(score, decimals) == written


def test_a_share_may_be_nothing_or_all() -> None:
    assert [share_percent(share) for share in (0, 0.666, 1)] == ["0\xa0%", "67\xa0%", "100\xa0%"]
    assert share_percent(2 / 3, 1) == "66.7\xa0%"
