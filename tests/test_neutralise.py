import csv
import time
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgcap.neutralise import neutralise, restore

NASTY = st.text(
    alphabet=st.sampled_from("'=+-@;\t\r\n \\u{}0d8\x00\x1a\ud800\"a=\uff20"), max_size=30
)
ANYTHING = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60)


@given(st.one_of(NASTY, ANYTHING))
@example("\\u{d800}")
@example("\\\ud800")
@example("\\\\u{0}")
@example("''=1")
@example("\n'\n\n=1")
def test_what_was_typed_comes_back_exactly(text: str) -> None:
    cell = neutralise(text)
    cell.encode("utf-8")
    assert restore(cell) == text


@given(st.one_of(NASTY, ANYTHING))
def test_no_cell_begins_a_formula_under_any_delimiter(text: str) -> None:
    cell = neutralise(text)
    assert cell[:1] not in {*"=+-@＝＋－＠", "\t", "\r", "\n"}
    written = StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerow(["first", cell])
    for line in written.getvalue().splitlines():
        for delimiter in ";\t":
            for part in line.split(delimiter):
                assert part.strip(' "')[:1] not in {*"=+-@＝＋－＠"}


@pytest.mark.parametrize(
    "text", ["it's a cat", "'tis", "a = b", "C:\\users", "two\nlines", "😀", ""]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert neutralise(text) == text


@pytest.mark.parametrize("text", ["\\" * 2**20, "'" * 2**20, '"' * 2**20, ";" * 2**20, " " * 2**20])
def test_a_megabyte_made_to_be_slow_is_not(text: str) -> None:
    started = time.perf_counter()
    assert restore(neutralise(text)) == text
    assert time.perf_counter() - started < 5
