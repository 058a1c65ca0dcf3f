"""Choosing the models: embedded, CLIP and BLIP, or any other; with progress and cancel."""

from html import escape

import ipywidgets as widgets

from imgcap.inference.checkpoints import EMBEDDED, REGISTRY, is_present
from imgcap.inference.events import ON_THE_WAY, Role
from imgcap.widgets.elements import Card, Fold, Message, Progress, markup, row
from imgcap.widgets.state import AppState
from imgcap.widgets.status import event_fraction, loading_sentence
from imgcap.widgets.switcher import IN_USE, Switcher

_LABELS: dict[Role, str] = {"classifier": "For labels", "captioner": "For captions"}
_WEAK = (
    "The embedded models are small, work without any download, and are clearly weaker than CLIP "
    "and BLIP."
)


class ModelsPanel(Card):
    """Says which models answer, and lets a person choose others.

    Parameters
    ----------
    state : AppState
        Whose models are shown.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Models", "models")
        self._state = state
        self._switcher = Switcher(state)
        self.in_use = markup()
        self.choices = {role: _choice(state, role) for role in _LABELS}
        self.apply = widgets.Button(description="Use these models", icon="check")
        self.cancel = widgets.Button(description="Cancel", icon="stop")
        self.progress = Progress("Progress of the change")
        self.message = Message()
        self.list = markup()
        self.fold = Fold(
            "Choose other models",
            self.list,
            *self.choices.values(),
            row(self.apply, self.progress, self.cancel),
        )
        self.fill(self.in_use, self.fold, self.message)
        self.apply.on_click(state.guarded(self._switch))
        self.cancel.on_click(state.guarded(lambda _: self._switcher.cancel()))
        self.fold.button.observe(state.guarded(self._list), "is_open")
        state.observe(state.guarded(self._list), "switched")
        state.observe(state.guarded(self._show), ["models", "switching", "switched"])
        self._show()

    def _switch(self, _button: object) -> None:
        names = {role: box.value.strip() or EMBEDDED for role, box in self.choices.items()}
        self._switcher.switch(names["classifier"], names["captioner"])

    def _list(self, _change: object = None) -> None:
        rows = "".join(
            f'<tr><td>{escape(name)}<br><span class="imgcap-muted">{escape(c.purpose)}</span></td>'
            f"<td>{c.megabytes:,} MB</td>"
            f"<td>{'here' if is_present(name, c.role, self._state.settings) else 'to download'}"
            "</td></tr>"
            for c in REGISTRY
            for name in [EMBEDDED if c.embedded else c.id]
        )
        head = "<tr><th>Checkpoint</th><th>Size</th><th>Where</th></tr>"
        self.list.value = (
            f'<table class="imgcap-table"><thead>{head}</thead><tbody>{rows}</tbody></table>'
            '<p class="imgcap-muted">Any other id of the model hub, or a folder, works as well.</p>'
        )

    def _show(self, _change: object = None) -> None:
        state = self._state
        events = [state.models[role] for role in _LABELS]
        names = " and ".join(f"<strong>{escape(event.checkpoint)}</strong>" for event in events)
        embedded = {c.id for c in REGISTRY if c.embedded}
        weak = any(event.checkpoint in embedded for event in events)
        # A service that is away is so for both, in the same words.
        failed = dict.fromkeys(escape(event.message) for event in events if event.stage == "failed")
        said = [f"{names} {'are chosen' if failed else 'answer'}.", *failed, *[_WEAK] * weak]
        self.in_use.value = f"<p>{' '.join(said)}</p>"
        loading = list(state.switching.values())
        self.apply.disabled = bool(loading)
        for widget in (self.progress, self.cancel):
            widget.layout.display = None if loading else "none"
        event = next((e for e in loading if e.stage in ON_THE_WAY), None)
        if loading:
            self.progress.show(event_fraction(event))
            self.message.tell(loading_sentence(event) if event else "Starting …")
        elif state.switched == IN_USE:
            self.message.tell(state.switched)
        else:
            self.message.warn(state.switched)


def _choice(state: AppState, role: Role) -> widgets.Combobox:
    chosen = state.settings.classifier if role == "classifier" else state.settings.captioner
    known = [c.id for c in REGISTRY if c.role == role and not c.embedded]
    return widgets.Combobox(
        value=chosen, options=[EMBEDDED, *known], description=_LABELS[role], placeholder=EMBEDDED
    )
