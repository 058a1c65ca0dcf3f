"""The thread that keeps a page's answers up to date with its pictures and its question."""

import threading
from collections.abc import Mapping
from functools import partial
from itertools import chain
from typing import TypeVar

from imgcap.inference import CancelledError, Captions, Classification, Description, Engine
from imgcap.inference.events import Role
from imgcap.inference.residency import trim
from imgcap.widgets.answering import turn
from imgcap.widgets.asking import ask
from imgcap.widgets.outcomes import Job, Jobs, Outcomes, is_alike
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from imgcap.widgets.warming import Warming
from imgcap.widgets.written import Written

T = TypeVar("T")
_ANSWERERS = ("engine", "adapters")
_QUESTION = ("selected", "edits", "labels", "classify_options", "caption_options", *_ANSWERERS)
_WATCHED = (*_QUESTION, "pictures", "paused", "wordings")
_DOING = {"classify": "Comparing {} with the labels", "caption": "Writing a caption for {}"}
_TOGETHER = 8
_IDLE = 1.0
"""Seconds without work after which the system gets back the memory that answers took."""


class Analyst:
    """Answers the page's question for every picture, the one on screen first.

    It does not take orders: whenever the state changes it compares what is wanted with what is
    known, and computes the most urgent missing answers: those for the picture on screen by
    themselves, since somebody waits for them, and those for several of the others together, since
    that takes less time. The engine is asked once about a picture of which nothing is known.
    What is no longer wanted, or less urgent than something new, is broken off. So results never
    mix, whatever the order of events, and no answer that is known is computed twice.

    Parameters
    ----------
    state : AppState
        Watched, and told the answers. Make the analyst before the panels: observers are told in
        the order of their coming, and the description must follow the selection before a panel
        looks at both.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._changed = threading.Condition(state.lock)
        self._outcomes = Outcomes()
        self._jobs: Jobs = ()
        self._alone: set[Job] = set()
        self._written = Written()
        self._warming = Warming(state)
        self._closed = False
        state.observe(self._on_change, list(_WATCHED))
        self._thread = threading.Thread(target=self._run, name="imgcap-analyst", daemon=True)
        self._thread.start()

    def warm_up(self) -> None:
        """From now on ready the models whenever nobody waits for an answer."""
        with self._changed:
            self._warming.begin()
            self._changed.notify_all()

    def cancel(self) -> None:
        """Stop working until the question, the picture on screen or the models change."""
        with self._state.lock:
            self._state.paused = True

    def retry(self) -> None:
        """Go on after a cancel, and try again what failed."""
        with self._changed:
            self._outcomes.forget_failures()
            self._alone.clear()
            self._warming.insist()
            self._state.error = ""
            self._state.paused = False
            self._changed.notify_all()

    def description(self, picture_id: str) -> Description | None:
        """Return what is known so far about a picture under the present question."""
        with self._state.lock:
            shown = self._state.find(picture_id)
            if shown is None:
                return None
            classification, captions = map(self._outcomes.get, self._wanted(shown))
            wording = self._state.wordings.get(picture_id)
            if wording and captions is wording.written:  # another answer may be equal
                captions = wording.captions
            description = Description(
                name=shown.name,
                sha256=shown.id,
                width=shown.width,
                height=shown.height,
                classification=_answer_or_none(classification, Classification),
                captions=_answer_or_none(captions, Captions),
            )
            return description if description.models else None

    def close(self) -> None:
        """Stop the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _on_change(self, change: Mapping[str, object]) -> None:
        with self._state.lock:
            if change["name"] in _QUESTION:
                self._state.paused = False
            self._refresh()
            self._changed.notify_all()

    def _wanted(self, shown: Shown) -> tuple[Job, Job]:
        state = self._state
        names = {role: event.checkpoint for role, event in state.engine.models.items()}
        about, labels = (shown.id, shown.edits), state.labels
        labels_by, words_by = (turn(state, role) for role in ("classifier", "captioner"))
        asked, told = state.classify_options, state.caption_options
        return (
            Job("classify", names["classifier"], *about, labels, asked, turn=labels_by),
            Job("caption", names["captioner"], *about, caption_options=told, turn=words_by),
        )

    def _missing(self, jobs: Jobs) -> Jobs:
        return tuple(job for job in jobs if self._outcomes.get(job) is None)

    def _next(self) -> Jobs:
        """Return what to do now, for one picture or for several that the engine can do together."""
        state = self._state
        if state.paused:
            return ()
        if state.picture and (urgent := self._missing(self._wanted(state.picture))):
            return urgent
        together: list[Jobs] = []
        pixels = 0
        for shown in state.pictures:
            jobs = self._missing(self._wanted(shown))
            alone = not self._alone.isdisjoint(jobs)
            if not jobs or (together and (alone or not is_alike(jobs, together[0]))):
                continue
            pixels += shown.width * shown.height
            if together and pixels > state.settings.max_pixels:
                break
            together.append(jobs)
            if len(together) == _TOGETHER or alone:
                break
        return tuple(chain(*zip(*together, strict=True)))

    def _is_stale(self, jobs: Jobs) -> bool:
        state = self._state
        if self._closed or state.paused:
            return True
        here = filter(None, map(state.find, {job.picture for job in jobs}))
        if set(jobs).isdisjoint(job for shown in here for job in self._wanted(shown)):
            return True
        urgent = self._missing(self._wanted(state.picture)) if state.picture else ()
        return bool(urgent) and urgent[0] not in jobs

    def _run(self) -> None:
        tidy = True
        while True:
            with self._changed:
                jobs, cold = self._take()
                while not (jobs or cold or self._closed):
                    if not self._changed.wait(None if tidy else _IDLE):
                        trim()
                        tidy = True
                    jobs, cold = self._take()
                engine = self._state.engine
            if self._closed:
                return
            tidy = False
            if jobs:
                self._answer(jobs, engine)
            elif cold:
                self._warm(cold, engine)

    def _take(self) -> tuple[Jobs, Role | None]:
        """Return what to do now: jobs, or a model to be readied."""
        state = self._state
        self._jobs = self._next()
        self._written.forget()
        state.guarded(self._refresh)()  # this thread must outlive any observer's mistake
        idle = not (self._jobs or state.paused)
        return self._jobs, state.guarded(self._warming.next)() if idle else None

    def _warm(self, role: Role, engine: Engine) -> None:
        state = self._state

        def stop() -> bool:
            return self._closed or state.paused or engine is not state.engine

        try:
            self._warming.run(role, engine, stop, lambda: bool(self._next()))
        except CancelledError:
            return
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            state.report(problem)

    def _answer(self, jobs: Jobs, engine: Engine) -> None:
        try:
            self._ask(jobs, engine)
        except CancelledError:
            return
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            with self._state.lock:
                missing = self._missing(jobs)
                if len({job.picture for job in jobs}) > 1:  # one by one, only the culprit fails
                    self._alone.update(missing)
                elif missing and not self._is_stale(jobs):  # its picture may have gone
                    self._outcomes.put(missing[0], self._state.sentence(problem))

    def _ask(self, jobs: Jobs, engine: Engine) -> None:
        state = self._state

        def keep(job: Job, answer: Classification | Captions) -> None:
            with state.lock:
                self._alone.discard(job)
                self._warming.note(job, engine)
                self._outcomes.put(job, answer)
                left = {job.step for job in self._missing(jobs)}
                if job.step == "classify" and left == {"caption"}:
                    state.guarded(self._refresh)()

        def hear(words: str) -> None:
            if self._written.take(jobs[-1], words):
                state.guarded(self._tell_words)()

        ask(engine, state.shelf, jobs, keep, cancel=partial(self._is_stale, jobs), hear=hear)

    def _refresh(self) -> None:
        """Tell the state what is known and what is being done, all of it before anyone looks."""
        state = self._state
        names = {shown.id: shown.name for shown in state.pictures}
        self._outcomes.keep_only(names)
        with state.hold_trait_notifications():
            state.description = self.description(state.selected)
            state.statuses = {shown.id: self._status(shown) for shown in state.pictures}
            self._tell_words()
            here = [job for job in self._missing(self._jobs) if job.picture in names]
            about = {job.picture for job in here}
            what = names[about.pop()] if len(about) == 1 else f"{len(about):,} pictures"
            state.working = _DOING[here[0].step].format(what) if here else ""

    def _tell_words(self) -> None:
        """Tell the state what there is of the caption that the picture on screen waits for."""
        state, words = self._state, ""
        if state.picture and not state.paused:
            _, job = self._wanted(state.picture)
            if job in self._jobs and self._outcomes.get(job) is None:
                words = self._written.of(job)
        state.writing = words

    def _status(self, shown: Shown) -> str:
        outcomes = [self._outcomes.get(job) for job in self._wanted(shown)]
        if None not in outcomes:
            return " ".join(dict.fromkeys(o for o in outcomes if isinstance(o, str))) or "done"
        working = any(job.picture == shown.id for job in self._jobs)
        return "working" if working else "waiting"


def _answer_or_none(outcome: object, kind: type[T]) -> T | None:
    return outcome if isinstance(outcome, kind) else None
