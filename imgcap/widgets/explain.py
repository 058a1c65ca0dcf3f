"""Why the models said so: a map over the picture for a label, or for a word of its caption."""

from collections.abc import Sequence
from io import BytesIO

import ipywidgets as widgets
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgcap.inference import Relevance, WordRelevance
from imgcap.overlay import AGAINST, FOR, WORD, blended, coloured
from imgcap.percentages import percent
from imgcap.widgets.answering import answerer
from imgcap.widgets.browser import ChoiceButtons, DownloadButton, MapPicture
from imgcap.widgets.elements import Card, Fold, Message, markup, plain, row
from imgcap.widgets.explainer import CaptionQuestion, Explainer, LabelQuestion, Question
from imgcap.widgets.map_words import legend, note, subject, told
from imgcap.widgets.stage import Scene, Stage
from imgcap.widgets.state import AppState

NO_PICTURE = "Bring a picture first: here you see which parts of it the answers come from."
AWAITED = "The answer itself is still awaited."
NO_LABELS = "There are no labels' scores to explain."
NO_CAPTION = "There is no caption to explain."
LOOKING = "Looking for the places that matter …"
LABEL, WORD_OF_CAPTION = 0, 1
_OVERLAY_SIDE = 512


class ExplainPanel(Card):
    """Shows on the picture where a label, or a word of the caption, comes from.

    Nothing is built or computed before the panel is opened.

    Parameters
    ----------
    state : AppState
        Whose answers are explained.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Why did it say so?", "explain")
        self._state = state
        self._stage = Stage.of(state)
        self._explainer = Explainer(state, self._follow)
        self._offered: tuple[object, ...] = ()
        self._chosen: dict[str, str] = {}
        self._filling = False
        self._answer: Relevance | WordRelevance | None = None
        self.fold = Fold("Show it on the picture")
        self.fill(self.fold)
        self.fold.button.observe(state.guarded(self._open), "is_open")
        self._stage.observe(state.guarded(self._follow), "scene")

    def _open(self, _change: object) -> None:
        if not self.fold.body.children:
            self._build()
        self._explainer.forget_failures()
        self._follow()

    def _build(self) -> None:
        guarded = self._state.guarded
        self.subject = ChoiceButtons(
            name="Explain", options=["A label", "A word of the caption"], chosen=LABEL
        )
        self.label = widgets.Dropdown(description="Label")
        self.word = ChoiceButtons(name="Word")
        self.message, self.told = Message(), Message()
        self.picture = MapPicture()
        self.opacity = widgets.IntSlider(self.picture.opacity, 0, 100, 5, description="Opacity")
        self._link = widgets.jslink((self.opacity, "value"), (self.picture, "opacity"))
        self.legend, self.note = markup(), markup()
        self.png = DownloadButton(
            label="PNG",
            name="Download picture with map as PNG",
            file_name="explanation.png",
            mime="image/png",
            make=self._file,
            on_error=self._state.report,
        )
        self.about = widgets.VBox([self.legend, row(self.opacity, self.png), self.note])
        self.about.add_class("imgcap-form")
        self.fold.body.children = (
            self.subject,
            self.label,
            self.word,
            self.message,
            self.picture,
            self.told,
            self.about,
        )
        self.subject.observe(guarded(self._follow), "chosen")
        self.label.observe(guarded(self._choose), "value")
        self.word.observe(guarded(self._show_word), "chosen")

    def _follow(self, _change: object = None) -> None:
        if not self.fold.button.is_open:
            self._explainer.ask(None)
            return
        scene = self._stage.scene
        self._offer(scene)
        question = self._question(scene)
        answer = self._explainer.ask(question)
        if isinstance(answer, str):
            self._show(scene, None)
            self.message.warn(answer)
        else:
            self._show(scene, answer)
            self.message.tell(LOOKING if question and not answer else self._missing(scene))
            if question and answer:
                self.message.clear()

    def _offer(self, scene: Scene) -> None:
        """Offer the labels, best first, and keep the one that was chosen for this picture."""
        predictions = scene.description.predictions if scene.description else ()
        offered = (scene.picture.id if scene.picture else "", predictions)
        if offered == self._offered:
            return
        self._offered = offered
        labels = [prediction.label for prediction in predictions]
        chosen = self._chosen.get(offered[0])
        self._filling = True
        try:
            self.label.options = [
                (f"{plain(each.label)} · {percent(each.score)}", each.label) for each in predictions
            ]
            if labels:
                self.label.value = chosen if chosen in labels else labels[0]
        finally:
            self._filling = False

    def _choose(self, _change: object) -> None:
        picture = self._stage.scene.picture
        if self._filling or picture is None or self.label.value is None:
            return
        self._chosen = {picture.id: self.label.value}
        self._follow()

    def _question(self, scene: Scene) -> Question | None:
        state, picture, description = self._state, scene.picture, scene.description
        if picture is None or description is None:
            return None
        if self.subject.chosen == WORD_OF_CAPTION:
            checkpoint = answerer(state, "captioner")
            caption = description.caption
            if not caption:
                return None
            return CaptionQuestion(picture.id, picture.edits, checkpoint, caption)
        if not description.predictions or self.label.value is None:
            return None
        checkpoint = answerer(state, "classifier")
        return LabelQuestion(
            *(picture.id, picture.edits, checkpoint, self.label.value),
            state.labels,
            state.classify_options,
        )

    def _missing(self, scene: Scene) -> str:
        """Say why there is no question, if that is so."""
        if scene.picture is None:
            return NO_PICTURE
        if scene.busy:
            return AWAITED
        return NO_CAPTION if self.subject.chosen == WORD_OF_CAPTION else NO_LABELS

    def _show(self, scene: Scene, answer: Relevance | WordRelevance | None) -> None:
        """Show the picture, with the map if there is one."""
        is_word = self.subject.chosen == WORD_OF_CAPTION
        there = scene.picture is not None
        self.subject.layout.display = None if there else "none"
        self.label.layout.display = None if there and not is_word else "none"
        self.word.layout.display = None if isinstance(answer, WordRelevance) else "none"
        if answer is not self._answer or answer is None:
            self._answer = answer
            if isinstance(answer, WordRelevance):
                self._list(answer.words)
        self._draw()

    def _list(self, words: Sequence[str]) -> None:
        self._filling = True
        try:
            with self.word.hold_sync():
                self.word.options = [plain(word) for word in words]
                # A long word mostly has a meaning, and "a" has hardly any.
                self.word.chosen = max(range(len(words)), key=lambda n: len(words[n]))
        finally:
            self._filling = False

    def _show_word(self, _change: object) -> None:
        if not self._filling:
            self._draw()

    def _draw(self) -> None:
        shown, answer = self._stage.scene.picture, self._answer
        self.about.layout.display = None if answer else "none"
        if shown is None:
            self.picture.show(b"", (1, 1), b"", "")
            self.told.clear()
            return
        over, sentence = b"", ""
        if answer:
            buffer = BytesIO()
            self._overlay(answer, _within(shown.width, shown.height)).save(buffer, "PNG")
            over, sentence = buffer.getvalue(), told(answer, self.word.chosen)
            self.legend.value = legend(answer)
            self.note.value = note(answer, self.word.chosen)
        alt = f"{plain(shown.name)}. {sentence}" if sentence else plain(shown.name)
        self.told.tell(sentence)
        self.picture.show(shown.preview, (shown.width, shown.height), over, alt)

    def _overlay(self, answer: Relevance | WordRelevance, size: tuple[int, int]) -> Image.Image:
        if isinstance(answer, Relevance):
            return coloured(answer.map, answer.box, size, FOR, AGAINST)
        return coloured(answer.maps[self.word.chosen], answer.box, size, WORD, WORD)

    def _file(self) -> bytes:
        """Return the picture under its map, and in its text what the map is of."""
        shown, answer = self._stage.scene.picture, self._answer
        if shown is None or answer is None:
            raise RuntimeError("There is no map to download.")
        picture = Image.open(BytesIO(shown.preview)).convert("RGB")
        kept = blended(picture, self._overlay(answer, picture.size), self.opacity.value / 100)
        about = PngInfo()
        about.add_itxt("Title", plain(subject(answer, self.word.chosen)))
        about.add_itxt("Description", told(answer, self.word.chosen))
        about.add_itxt("Source", plain(f"{answer.method} by {answer.model}"))
        buffer = BytesIO()
        kept.save(buffer, "PNG", pnginfo=about)
        return buffer.getvalue()


def _within(width: int, height: int) -> tuple[int, int]:
    """Return the size of a map: of the picture's shape, and no larger than its detail asks."""
    scale = min(1.0, _OVERLAY_SIDE / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))
