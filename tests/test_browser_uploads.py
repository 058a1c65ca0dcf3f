"""Files that a browser sends in pieces arrive whole or are refused with a sentence."""

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcap.images import PictureError
from imgcap.widgets.browser import (
    Upload,
)
from tests.wire import Uploads


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
    assert uploads.wire.said[-1] == {"type": "done", "id": "1", "known": False}
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
