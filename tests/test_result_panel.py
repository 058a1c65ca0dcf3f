import base64
import csv
import io
import json
import re
from html import escape
from html.parser import HTMLParser

import pytest

from imgcap.inference import Caption, Captions, Classification, Description, Prediction
from imgcap.widgets.preview import PreviewPanel, size
from imgcap.widgets.result import ResultPanel, credits_line
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import CANCELLED
from imgcap.widgets.state import AppState
from tests.pages import bring, download, picture_file

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "&lt;b&gt; & so on",
)


class Reader(HTMLParser):
    """What a browser makes of markup: elements, attributes and text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def described(
    shown: Shown, *scores: tuple[str, float], caption: str = "a cat", independent: bool = False
) -> Description:
    predictions = tuple(Prediction(label, score) for label, score in scores)
    return Description(
        name=shown.name,
        sha256=shown.id,
        width=shown.width,
        height=shown.height,
        classification=Classification(predictions, independent, "x/<i>clip</i>", 12.3)
        if scores
        else None,
        captions=Captions((Caption(caption, -0.1),), "y/blip", 1234.5) if caption else None,
    )


@pytest.fixture
def panel(state: AppState) -> ResultPanel:
    return ResultPanel(state)


def read(panel: ResultPanel) -> str:
    return " ".join(Reader(panel.stage.answers).text.split())


def drawn(panel: PreviewPanel) -> str:
    """Return the preview's markup as the page completes it."""
    source = base64.b64encode(panel.stage.picture).decode()
    attributes = f'src="data:image/jpeg;base64,{source}" alt="{escape(panel.stage.alt)}" '
    return panel.stage.preview.replace("<img ", f"<img {attributes}")


def show(state: AppState, description: Description | None, status: str = "done") -> None:
    state.description = description
    state.statuses = {state.selected: status}


def test_without_a_picture_there_is_a_hint(panel: ResultPanel) -> None:
    assert "as soon as there is a picture" in read(panel)
    assert panel.actions.layout.display == "none"


def test_the_answers_are_read(state: AppState, panel: ResultPanel) -> None:
    [cat] = bring(state, "cat.png")
    show(state, described(cat, ("cat", 0.873), ("dog", 0.1), ("owl", 0.027)))
    assert "a cat This picture most likely shows a cat (87\xa0%)." in panel.stage.answers.replace(
        '</p><p class="imgcap-summary">', " "
    )
    assert "LabelConfidencecat87 %dog10 %owl3 %" in read(panel)
    assert read(panel).endswith("Labels: x/<i>clip</i>, 12 ms · Caption: y/blip, 1,234 ms")
    assert panel.copy_caption.text == "a cat"
    assert panel.copy_summary.text == "This picture most likely shows a cat (87\xa0%)."
    assert panel.actions.layout.display is None


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (
            (("cat", 0.5), ("dog", 0.45), ("owl", 0.05)),
            "This picture may show a cat (50 %) or a",
        ),
        ((("cat", 0.35), ("dog", 0.33), ("owl", 0.32)), "None of these labels fits this picture"),
    ],
)
def test_doubt_is_said(
    state: AppState, panel: ResultPanel, scores: tuple[tuple[str, float], ...], sentence: str
) -> None:
    [cat] = bring(state, "cat.png")
    show(state, described(cat, *scores))
    assert sentence in read(panel)


def test_the_best_are_shown_and_the_others_counted(state: AppState, panel: ResultPanel) -> None:
    [cat] = bring(state, "cat.png")
    show(state, described(cat, *((f"label {n}", 1 / 2 ** (n + 1)) for n in range(9))))
    assert panel.stage.answers.count("<tr><td>") == 5
    assert "… and 4 more labels" in read(panel)
    state.top = 9
    assert panel.stage.answers.count("<tr><td>") == 9
    assert "more labels" not in read(panel)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_is_shown_is_markup(state: AppState, payload: str) -> None:
    result, preview = ResultPanel(state), PreviewPanel(state)
    shown = state.shelf.put(picture_file("any"), payload)
    state.add(shown)
    show(state, described(shown, (payload, 0.9), ("dog", 0.1), caption=payload), f"No: {payload}")
    for markup in (result.stage.answers, drawn(preview)):
        reader = Reader(markup)
        assert payload in reader.text, "it is read as it is"
        assert set(reader.tags) <= {
            *("div", "p", "span", "table", "thead", "tbody", "tr", "th", "td", "i"),
            *("figure", "img", "figcaption", "strong"),
        }
        assert not [name for name, _ in reader.attributes if name.startswith("on")]
        assert reader.tags.count("img") == (1 if markup == drawn(preview) else 0)
    assert ("alt", payload) in Reader(drawn(preview)).attributes


def test_what_is_missing_is_announced_until_it_failed_or_was_cancelled(
    state: AppState, panel: ResultPanel
) -> None:
    [cat] = bring(state, "cat.png")
    show(state, None, "waiting")
    assert read(panel) == "Writing a caption …Comparing with the labels …"
    show(state, described(cat, ("cat", 0.9), ("dog", 0.1), caption=""), "working")
    assert "Writing a caption …" in read(panel)
    assert "Comparing" not in read(panel)
    assert panel.copy_caption.text == ""
    state.statuses = {cat.id: "waiting"}
    state.paused = True
    assert "…" not in read(panel)
    assert CANCELLED in read(panel)
    state.paused = False
    show(state, described(cat, ("cat", 0.9), ("dog", 0.1), caption=""), "The captioner is gone.")
    assert "The captioner is gone." in read(panel)
    assert "most likely shows a cat" in read(panel)


def test_each_picture_shows_its_own_failure(state: AppState, panel: ResultPanel) -> None:
    first, second = bring(state, "a.png", "b.png")
    state.statuses = {first.id: "The first failed.", second.id: "The second failed."}
    assert read(panel) == "The second failed."
    state.selected = first.id
    assert read(panel) == "The first failed."


def test_the_result_is_downloaded_as_json(state: AppState, panel: ResultPanel) -> None:
    [cat] = bring(state, "cat.png")
    scores = [(f"label {n}", 1 / 2 ** (n + 1)) for n in range(9)]
    show(state, described(cat, *scores, caption=PAYLOADS[0]))
    result = json.loads(download(panel.json))
    assert result["file"] == "cat.png"
    assert result["caption"] == PAYLOADS[0]
    assert [(p["label"], p["score"]) for p in result["predictions"]] == scores, "all of them"
    assert result["models"] == {"classifier": "x/<i>clip</i>", "captioner": "y/blip"}
    assert result["ms"] == {"classify": 12.3, "caption": 1234.5}
    assert (result["sha256"], result["width"], result["height"]) == (cat.id, cat.width, cat.height)
    assert result["summary"] == panel.copy_summary.text


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_result_is_downloaded_as_csv(state: AppState, panel: ResultPanel) -> None:
    [cat] = bring(state, "cat.png")
    show(state, described(cat, ("=1+1", 0.75), ('an "owl", 🦉', 0.25)))
    content = download(panel.csv)
    assert content.startswith(b"\xef\xbb\xbf"), "or Excel reads umlauts wrongly"
    assert rows(content) == [
        ["file", "caption", "rank", "label", "score"],
        ["cat.png", "a cat", "1", "'=1+1", "0.750000"],
        ["cat.png", "a cat", "2", 'an "owl", 🦉', "0.250000"],
    ]


def test_a_caption_without_labels_is_downloaded_too(state: AppState, panel: ResultPanel) -> None:
    [cat] = bring(state, "cat.png")
    show(state, described(cat), "The classifier is gone.")
    assert rows(download(panel.csv))[1:] == [["cat.png", "a cat", "", "", ""]]
    assert json.loads(download(panel.json))["predictions"] == []


def test_the_preview_shows_the_picture_on_screen_with_its_caption(state: AppState) -> None:
    panel = PreviewPanel(state)
    assert "No picture yet." in drawn(panel)
    first, second = bring(state, "a.png", "b.png")
    attributes = dict(Reader(drawn(panel)).attributes)
    assert attributes["alt"] == "b.png", "as long as there is no caption"
    assert re.fullmatch(r"data:image/jpeg;base64,[\w+/=]+", attributes["src"] or "")
    state.description = described(second, caption="a view of a coast")
    assert dict(Reader(drawn(panel)).attributes)["alt"] == "a view of a coast"
    text = Reader(drawn(panel)).text
    assert f"{second.width} × {second.height} pixels · PNG" in text
    state.description = None
    state.selected = first.id
    assert "a.png" in Reader(drawn(panel)).text
    state.remove(first.id)
    state.remove(second.id)
    assert "No picture yet." in drawn(panel)


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(999, "999 bytes"), (1_000, "1.0 kB"), (25_300_000, "25.3 MB")]
)
def test_sizes_are_said_as_people_do(n_bytes: int, text: str) -> None:
    assert size(n_bytes) == text


def test_the_adapter_that_answered_is_named_beside_its_checkpoint() -> None:
    predictions = (Prediction("cat", 1.0),)
    for revision, said in (
        ("abc+probe-1", "Labels: clip with adapter probe-1, 2 ms"),
        (f"+{PAYLOADS[0]}", f"Labels: clip with adapter {escape(PAYLOADS[0])}, 2 ms"),
        ("abc", "Labels: clip, 2 ms"),
    ):
        answer = Classification(
            predictions, independent=False, model="clip", ms=2, revision=revision
        )
        assert said in credits_line(Description("cat.png", "", 1, 1, classification=answer))
