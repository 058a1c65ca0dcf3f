import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from imgcap.images import PictureError
from imgcap.widgets.browser import (
    CopyButton,
    DownloadButton,
    DropZone,
    FoldButton,
    PageScript,
    PictureStrip,
    Upload,
)

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


class Wire:
    """Stands where the websocket is: keeps what a widget says to the browser."""

    comm_id = "wire"
    kernel = "is there"

    def __init__(self, widget: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self.buffers: list[Sequence[Any]] = []
        self._widget = widget
        widget.comm = self

    def send(self, data: dict[str, Any], buffers: Sequence[Any] | None = None) -> None:
        if data["method"] == "custom":
            self.said.append(data["content"])
            self.buffers.append(buffers or [])

    def on_msg(self, callback: Callable[[Any], object]) -> None:
        """Ignored: a test calls the widget itself."""

    def hears(self, content: Any, *buffers: Any) -> dict[str, Any]:
        before = len(self.said)
        self._widget._handle_custom_msg(content, list(buffers))
        return self.said[-1] if len(self.said) > before else {}


class Uploads:
    """A drop zone, everything that it gave the app, and what it refused."""

    def __init__(self, on_file: Callable[[Upload], object] | None = None, **kwargs: Any) -> None:
        self.files: list[tuple[bytes, str]] = []
        self.zone = DropZone(
            max_bytes=kwargs.pop("max_bytes", 1000),
            on_file=on_file or (lambda upload: self.files.append((upload.data, upload.name))),
            **kwargs,
        )
        self.wire = Wire(self.zone)

    @property
    def refused(self) -> list[str]:
        return [said["sentence"] for said in self.wire.said if said["type"] == "refused"]

    def offer(self, key: str, name: str, size: Any, *, first: Any = True) -> dict[str, Any]:
        return self.wire.hears(
            {"type": "offer", "id": key, "name": name, "size": size, "first": first}
        )

    def chunk(self, key: str, offset: int, *buffers: Any) -> dict[str, Any]:
        return self.wire.hears({"type": "chunk", "id": key, "offset": offset}, *buffers)

    def upload(self, data: bytes, name: str = "cat.jpg", key: str = "1") -> dict[str, Any]:
        self.offer(key, name, len(data))
        return self.chunk(key, 0, data)


@given(st.binary(min_size=1, max_size=1000), st.lists(st.integers(1, 999)))
def test_a_file_sent_in_pieces_arrives_as_it_was(data: bytes, cuts: list[int]) -> None:
    uploads = Uploads()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert uploads.offer("1", "cat.jpg", len(data))["type"] == "go"
    replies = [
        uploads.chunk("1", start, memoryview(data)[start:end]) for start, end in pairwise(edges)
    ]
    assert uploads.files == [(data, "cat.jpg")]
    assert [reply["type"] for reply in replies] == ["got"] * (len(replies) - 1) + ["done"]
    assert not uploads.refused


@given(st.data())
def test_pieces_in_any_other_order_give_the_whole_file_or_nothing(data: st.DataObject) -> None:
    content = bytes(range(200))
    pieces = [(start, content[start : start + 40]) for start in range(0, 200, 40)]
    uploads = Uploads()
    uploads.offer("1", "cat.jpg", len(content))
    for start, piece in data.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=12)):
        uploads.chunk("1", start, piece)
    assert uploads.files in ([], [(content, "cat.jpg")])
    if not uploads.files and uploads.zone._incoming is None:
        assert uploads.refused[0] == "“cat.jpg” did not arrive whole and was left out."


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


def test_the_same_file_twice_arrives_twice() -> None:
    uploads = Uploads()
    assert uploads.upload(b"abc", key="1")["type"] == "done"
    assert uploads.upload(b"abc", key="2")["type"] == "done"
    assert uploads.files == [(b"abc", "cat.jpg")] * 2


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (3 * 2**20, "“cat.jpg” is too large: 3.0 MB, where at most 2 MB are accepted."),
        (0, "“cat.jpg” is empty."),
    ],
)
def test_a_file_is_refused_before_it_is_read(size: int, sentence: str) -> None:
    uploads = Uploads(max_bytes=2 * 2**20)
    reply = uploads.offer("1", "cat.jpg", size)
    assert reply == {"type": "refused", "id": "1", "sentence": sentence}
    assert uploads.refused == [sentence]


def test_a_browser_that_sends_more_than_it_announced_is_cut_off() -> None:
    uploads = Uploads()
    uploads.offer("1", "cat.jpg", 3)
    assert uploads.chunk("1", 0, b"abcd")["type"] == "refused"
    assert not uploads.files
    assert uploads.zone._incoming is None


def test_a_browser_cannot_raise_the_limit() -> None:
    uploads = Uploads()
    uploads.zone.set_state({"max_bytes": 10**9, "max_files": 10**9, "label": "<b>"})
    assert uploads.zone.max_bytes == 1000
    assert uploads.zone.max_files == 500
    assert uploads.zone.label == "Upload pictures"


def test_a_second_page_waits_until_the_first_is_through() -> None:
    uploads = Uploads()
    uploads.offer("1", "cat.jpg", 3)
    assert uploads.offer("2", "dog.jpg", 3)["type"] == "wait"
    assert uploads.chunk("1", 0, b"cat")["type"] == "done"
    assert uploads.upload(b"dog", "dog.jpg", "2")["type"] == "done"
    assert uploads.files == [(b"cat", "cat.jpg"), (b"dog", "dog.jpg")]


@pytest.mark.parametrize(
    ("reason", "sentences"),
    [
        ("cancelled", []),
        ("unreadable", ["“cat.jpg” could not be read: it changed, went away, or is a folder."]),
        ("lost", ["“cat.jpg” did not arrive whole and was left out."]),
    ],
)
def test_a_broken_off_upload_leaves_nothing(reason: str, sentences: list[str]) -> None:
    uploads = Uploads()
    uploads.offer("1", "cat.jpg", 6)
    uploads.chunk("1", 0, b"cat")
    uploads.wire.hears({"type": "stop", "id": "1", "reason": reason})
    assert uploads.refused == sentences
    assert uploads.wire.said[-1]["type"] == ("refused" if sentences else "stopped")
    assert uploads.chunk("1", 3, b"cat")["type"] == "refused"
    assert not uploads.files
    assert uploads.upload(b"dog", "dog.jpg", "2")["type"] == "done"


def test_a_page_that_falls_silent_is_given_up() -> None:
    uploads = Uploads(patience=0.05)

    async def go_silent() -> None:
        uploads.offer("1", "cat.jpg", 6)
        await asyncio.sleep(0.03)
        uploads.chunk("1", 0, b"cat")
        await asyncio.sleep(0.03)
        assert not uploads.refused
        await asyncio.sleep(0.1)

    # In a thread of its own: playwright, once it has run, leaves a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, go_silent()).result()
    assert uploads.refused == ["“cat.jpg” did not arrive whole and was left out."]
    assert uploads.zone._incoming is None


@pytest.mark.parametrize("first", [True, False])
def test_the_app_learns_which_file_is_the_first_of_those_brought_together(*, first: bool) -> None:
    uploads: list[Upload] = []
    zone = Uploads(uploads.append)
    zone.offer("1", "cat.jpg", 3, first=first)
    zone.chunk("1", 0, b"cat")
    assert uploads == [Upload("cat.jpg", b"cat", is_first=first)]


def test_a_file_is_done_when_the_app_has_taken_it_and_not_before() -> None:
    decisions: list[Future[None]] = []

    def think(_: Upload) -> Future[None]:
        decisions.append(Future())
        return decisions[-1]

    uploads = Uploads(think, expected=(PictureError,))
    assert uploads.upload(b"cat", key="1") == {"type": "got", "id": "1", "received": 3}
    assert uploads.upload(b"dog", key="2")["type"] == "got"
    decisions[0].set_result(None)
    assert uploads.wire.said[-1] == {"type": "done", "id": "1"}
    decisions[1].set_exception(PictureError("That is no picture."))
    assert uploads.wire.said[-1]["id"] == "2"
    assert uploads.refused == ["That is no picture."]


def test_what_is_cancelled_too_late_is_told_how_it_ended() -> None:
    decision: Future[None] = Future()
    uploads = Uploads(lambda _: decision)
    uploads.upload(b"cat")
    stop = {"type": "stop", "id": "1", "reason": "cancelled"}
    assert uploads.wire.hears(stop) == {}, "not yet known"
    decision.set_result(None)
    assert [said["type"] for said in uploads.wire.said] == ["go", "got", "done"]
    assert uploads.wire.hears(stop)["type"] == "stopped"


def test_a_name_is_cleaned() -> None:
    uploads = Uploads()
    uploads.upload(b"abc", "\x1b[2J" + "x" * 10_000)
    ((_, name),) = uploads.files
    assert len(name) == 120
    assert name.isprintable()


def test_what_the_app_refuses_is_told_in_its_words() -> None:
    def refuse(_: Upload) -> None:
        raise PictureError("That is no picture.")

    uploads = Uploads(refuse, expected=(PictureError,))
    assert uploads.upload(b"abc")["sentence"] == "That is no picture."
    assert uploads.refused == ["That is no picture."]


def test_a_bug_of_the_app_ends_as_a_sentence_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fall_over(_: Upload) -> None:
        raise RuntimeError("secret")

    uploads = Uploads(fall_over)
    with caplog.at_level(logging.ERROR):
        sentence = uploads.upload(b"abc")["sentence"]
    assert sentence == "“cat.jpg” could not be used because of an unexpected error."
    assert "secret" in caplog.text


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
