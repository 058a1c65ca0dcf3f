"""What a browser may say to the project's own widgets, and what they answer."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from imgcap.images import PictureError
from imgcap.widgets.browser import (
    CopyButton,
    DownloadButton,
    FoldButton,
    PageScript,
    PictureStrip,
)
from tests.wire import Uploads, Wire

PIXEL = b"GIF89a\x01\x00\x01\x00"
wire_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)
messages = wire_values | st.fixed_dictionaries(
    {"type": st.sampled_from(["offer", "chunk", "stop", "make", "read", "thumbnails", "remove"])},
    optional={
        "id": st.sampled_from(["1", "2", "a"]) | wire_values,
        "name": st.just("cat.jpg") | wire_values,
        "size": st.integers(-1, 20) | wire_values,
        "offset": st.integers(-1, 20) | wire_values,
        "first": st.booleans() | wire_values,
        "reason": wire_values,
        "digests": wire_values,
    },
)
attachments = st.lists(st.binary(max_size=8) | wire_values, max_size=2)


@given(st.lists(st.tuples(messages, attachments), max_size=20))
def test_nothing_that_a_browser_says_breaks_a_widget(talk: list[tuple[Any, list[Any]]]) -> None:
    uploads = Uploads(max_bytes=10)
    strip = PictureStrip(items=[{"id": "a", "src": PIXEL, "name": "a"}], on_remove=lambda _: None)
    download = DownloadButton(label="", file_name="", mime="", make=lambda: b"abc")
    for widget in (uploads.zone, strip, download, PageScript(), CopyButton()):
        Wire(widget)
        for content, buffers in talk:
            widget._handle_custom_msg(content, buffers)
            incoming = uploads.zone._incoming
            assert incoming is None or incoming.buffer.tell() < incoming.size <= 10
    assert all(0 < len(data) <= 10 for data, _ in uploads.files)


@given(st.binary(max_size=100))
def test_a_download_is_what_was_made(data: bytes) -> None:
    made = b"x" * 2**20 + data
    download = DownloadButton(label="Get", file_name="a.csv", mime="text/csv", make=lambda: made)
    wire = Wire(download)
    ready = wire.hears({"type": "make", "id": "1"})
    assert (ready["name"], ready["mime"], ready["size"]) == ("a.csv", "text/csv", len(made))
    pieces = []
    for offset in range(0, ready["size"], ready["chunk"]):
        wire.hears({"type": "read", "id": "1", "offset": offset})
        pieces += wire.buffers[-1]
    assert b"".join(pieces) == made
    wire.hears({"type": "stop", "id": "1"})
    assert wire.hears({"type": "read", "id": "1", "offset": 0})["type"] == "failed"


def test_a_download_that_cannot_be_made_says_why() -> None:
    caught: list[Exception] = []
    problems: list[Exception] = [PictureError("There is no feedback yet."), RuntimeError("secret")]

    def make() -> bytes:
        raise problems[0]

    download = DownloadButton(
        label="Get",
        file_name="a.csv",
        mime="text/csv",
        make=make,
        expected=(PictureError,),
        on_error=caught.append,
    )
    wire = Wire(download)
    assert wire.hears({"type": "make", "id": "1"})["sentence"] == "There is no feedback yet."
    bug = problems[0] = problems[1]
    sentence = "“a.csv” could not be made because of an unexpected error."
    assert wire.hears({"type": "make", "id": "2"})["sentence"] == sentence
    assert caught == [bug]


def test_a_disabled_download_makes_nothing() -> None:
    download = DownloadButton(
        label="Get", file_name="a", mime="", make=lambda: b"abc", disabled=True
    )
    assert Wire(download).hears({"type": "make", "id": "1"})["type"] == "failed"


@pytest.mark.parametrize(
    ("label", "given", "said"),
    [
        ("JSON", {}, "Download JSON"),
        ("Download all", {}, "Download all"),
        ("JSON", {"name": "Download the result as JSON"}, "Download the result as JSON"),
    ],
)
def test_a_download_is_named_as_one(label: str, given: dict[str, str], said: str) -> None:
    button = DownloadButton(label=label, file_name="a", mime="", make=lambda: b"", **given)
    assert button.get_state("name") == {"name": said}


def test_a_browser_opens_a_fold_and_cannot_rename_it() -> None:
    fold = FoldButton(label="More")
    fold.set_state({"is_open": True, "label": "Less"})
    assert (fold.is_open, fold.label) == (True, "More")
    fold.set_state({"is_open": "wide"})
    assert fold.is_open


def make_strip(*ids: str, **kwargs: Any) -> PictureStrip:
    items = [{"id": key, "src": PIXEL + key.encode(), "name": f"{key}.jpg"} for key in ids]
    return PictureStrip(items=items, **kwargs)


def test_thumbnails_travel_once_and_not_with_the_rows() -> None:
    strip = make_strip("a", "b")
    wire = Wire(strip)
    digests = [row["src"] for row in strip._rows]
    wire.hears({"type": "thumbnails", "digests": [digests[1], "another", 7]})
    assert wire.buffers == [[PIXEL + b"b"]]
    assert PIXEL not in str(strip._rows).encode()


def test_a_thumbnail_may_be_a_data_url() -> None:
    url = "data:image/gif;base64," + base64.b64encode(PIXEL).decode()
    strip = PictureStrip(items=[{"id": "a", "src": url, "name": "a"}])
    wire = Wire(strip)
    wire.hears({"type": "thumbnails", "digests": [strip._rows[0]["src"]]})
    assert wire.buffers == [[PIXEL]]


@pytest.mark.parametrize(
    "change",
    [
        {"src": "https://example.org/spy.png"},
        {"src": "data:image/gif;base64,?"},
        {"src": None},
        {"status": "lost"},
        {"id": ""},
        {"name": None},
    ],
)
def test_a_wrong_item_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TraitError):
        PictureStrip(items=[{"id": "a", "src": PIXEL, "name": "a", **change}])


def test_two_pictures_of_one_id_are_refused() -> None:
    with pytest.raises(TraitError, match="the same id"):
        make_strip("a", "a")


def test_a_browser_can_select_what_is_there_and_nothing_else() -> None:
    strip = make_strip("a", "b")
    strip.set_state({"selected": "b", "items": [], "_rows": []})
    assert strip.selected == "b"
    strip.set_state({"selected": "z"})
    strip.set_state({"selected": {"id": "a"}})
    strip.set_state({})
    assert strip.selected == "b"
    assert [item["id"] for item in strip.items] == ["a", "b"]


def test_the_app_may_select_a_picture_before_it_lists_it() -> None:
    strip = make_strip("a")
    strip.selected = "b"
    strip.items = [*strip.items, {"id": "b", "src": PIXEL, "name": "b.jpg"}]
    assert strip.selected == "b"


def test_removal_is_asked_of_the_app_once_and_only_for_what_is_there() -> None:
    removed: list[str] = []
    wire = Wire(make_strip("a", "b", on_remove=removed.append))
    for key in ("b", "z", None):
        wire.hears({"type": "remove", "id": key})
    assert removed == ["b"]


def test_a_failed_removal_says_so() -> None:
    def fall_over(_: str) -> None:
        raise RuntimeError("secret")

    wire = Wire(make_strip("a", on_remove=fall_over, on_error=lambda _: None))
    sentence = wire.hears({"type": "remove", "id": "a"})["sentence"]
    assert sentence == "“a.jpg” could not be removed because of an unexpected error."


def test_the_page_reports_theme_and_width_and_nothing_else() -> None:
    page = PageScript(names={"grid": "Feedback"})
    page.set_state({"dark": "very"})
    page.set_state({"dark": True, "names": {}})
    page.set_state({"narrow": True, "lang": "xx"})
    assert (page.dark, page.narrow, page.names, page.lang) == (
        True,
        True,
        {"grid": "Feedback"},
        "en",
    )


@pytest.mark.parametrize("widget", [CopyButton, FoldButton, PageScript, PictureStrip])
def test_no_script_or_style_of_ours_names_an_outside_host(widget: type) -> None:
    made = widget()
    assert "://" not in made._esm + made._css
