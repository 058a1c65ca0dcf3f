"""The maps and the words that an explanation is made of."""

import numpy as np
import pytest
from PIL import Image

from imgcap.inference import Relevance, WordRelevance
from imgcap.inference.relevance import WHOLE
from imgcap.overlay import AGAINST, AREAS, FOR, UNSEEN, blended, coloured, strongest, where
from imgcap.widgets.map_words import NOWHERE, legend, note, told

SCRIPT = "<script>alert(1)</script>"


def one_cell(row: int, column: int, value: float = 1) -> np.ndarray:
    grid = np.zeros((3, 3), np.float32)
    grid[row, column] = value
    return grid


def relevance(grid: np.ndarray, **facts: object) -> Relevance:
    return Relevance(
        grid, **{"label": "cat", "score": 0.5, "method": "m", "model": "x", "ms": 1.0} | facts
    )


def test_a_cell_is_named_by_where_it_lies() -> None:
    for place, area in enumerate(AREAS):
        assert strongest(one_cell(*divmod(place, 3)), WHOLE) == (area,)


def test_more_places_are_named_strongest_first_and_everywhere_is_said_so() -> None:
    grid = one_cell(0, 0) + one_cell(2, 2, 0.9) + one_cell(1, 1, 0.3)
    assert where(grid, WHOLE) == "upper left and lower right"
    assert where(np.ones((7, 7), np.float32), WHOLE) == "everywhere alike"
    assert where(-np.ones((7, 7), np.float32), WHOLE) == ""


def test_places_are_those_of_the_picture_and_not_of_the_part_that_was_seen() -> None:
    only_middle = (1 / 3, 0.0, 2 / 3, 1.0)
    assert strongest(one_cell(0, 0), only_middle) == ("upper middle",)


def test_signs_have_colours_and_strength_is_opacity() -> None:
    grid = one_cell(0, 0, 4) + one_cell(2, 2, -2)
    over = coloured(grid, WHOLE, (90, 60), FOR, AGAINST)
    assert over.size == (90, 60)
    assert over.getpixel((2, 2)) == (*FOR, 255)
    assert over.getpixel((87, 57))[:3] == AGAINST
    assert over.getpixel((87, 57))[3] == pytest.approx(128, abs=2)
    assert over.getpixel((2, 57))[3] == 0


def test_a_map_of_nothing_hides_nothing() -> None:
    over = coloured(np.zeros((7, 7), np.float32), WHOLE, (20, 20), FOR, AGAINST)
    assert over.getchannel("A").getextrema() == (0, 0)


def test_what_the_model_did_not_see_is_striped() -> None:
    over = coloured(one_cell(1, 1), (0.25, 0.0, 0.75, 1.0), (80, 40), FOR, AGAINST)
    left = {over.getpixel((x, 20)) for x in range(20)}
    assert left == {(*UNSEEN, 64), (*UNSEEN, 255)}
    assert over.getpixel((40, 20))[:3] == FOR


@pytest.mark.parametrize(("opacity", "seen"), [(0, (200, 40, 40)), (1, FOR)])
def test_the_download_is_blended_as_on_the_page(opacity: float, seen: tuple[int, ...]) -> None:
    picture = Image.new("RGB", (3, 3), (200, 40, 40))
    kept = blended(picture, Image.new("RGBA", (3, 3), (*FOR, 255)), opacity)
    assert kept.getpixel((1, 1)) == seen


def test_words_say_what_speaks_for_it_and_what_against() -> None:
    signed = relevance(one_cell(0, 0) + one_cell(2, 1, -1))
    assert told(signed, 0) == (
        "Speaks for it most: upper left. Speaks against it most: lower middle."
    )
    hardly = relevance(one_cell(1, 1) + one_cell(2, 1, -0.05))
    assert "against" not in told(hardly, 0)
    assert told(relevance(one_cell(1, 1)), 0) == "Speaks for it most: centre."
    assert told(relevance(one_cell(1, 1, 0)), 0) == NOWHERE
    assert "against" in legend(signed)
    assert "against" not in legend(relevance(one_cell(1, 1)))


def test_the_note_names_method_model_and_what_was_not_seen() -> None:
    whole = note(relevance(one_cell(0, 0), method="a way", model=f"a{SCRIPT}"), 0)
    assert "A way by a&lt;script&gt;" in whole
    assert "<script" not in whole
    assert "not why" in whole
    assert "striped" not in whole
    assert "striped" in note(relevance(one_cell(0, 0), box=(0.1, 0, 0.9, 1)), 0)


def test_a_word_answer_without_shares_says_nothing_of_them() -> None:
    maps = np.stack([one_cell(0, 2)])
    answer = WordRelevance(("cat",), maps, "m", "x", 1.0)
    assert told(answer, 0) == "Matters most to “cat”: upper right."
    assert "Read from" not in note(answer, 0)
