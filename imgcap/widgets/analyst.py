"""The thread that keeps a page's answers up to date with its pictures and its question."""

import threading
from collections.abc import Mapping, Sequence
from typing import TypeVar

from imgcap.inference import (
    CancelledError,
    Captions,
    Classification,
    ClassifyOptions,
    Description,
    Engine,
)
from imgcap.inference.events import Role
from imgcap.widgets.outcomes import Job, Outcomes
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from imgcap.widgets.warming import Warming
from imgcap.widgets.written import Written

T = TypeVar("T")
_QUESTION = ("selected", "edits", "labels", "classify_options", "caption_options", "engine")
_WATCHED = (*_QUESTION, "pictures", "paused", "wordings")
_DOING = {"classify": "Comparing {} with the labels", "caption": "Writing a caption for {}"}
_TOGETHER = 8


class Analyst:
    """Answers the page's question for every picture, the one on screen first.

    It does not take orders: whenever the state changes it compares what is wanted with what is
    known, and computes the most urgent missing answer: by itself for the picture on screen, since
    somebody waits for it, and for several of the others together, since that takes less time.
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
        self._jobs: tuple[Job, ...] = ()
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
        labels, options = state.labels, state.classify_options
        return (
            Job("classify", shown.id, names["classifier"], shown.edits, labels, options),
            Job(
                "caption", shown.id, names["captioner"], shown.edits, options=state.caption_options
            ),
        )

    def _missing(self, shown: Shown) -> Job | None:
        for job in self._wanted(shown):
            if self._outcomes.get(job) is None:
                return job
        return None

    def _next(self) -> tuple[Job, ...]:
        """Return what to do now: one job, or several that the engine can do together."""
        state = self._state
        if state.paused:
            return ()
        if state.picture and (urgent := self._missing(state.picture)):
            return (urgent,)
        jobs: list[Job] = []
        pixels = 0
        for shown in state.pictures:
            job = self._missing(shown)
            if job is None or (jobs and (job in self._alone or not job.fits(jobs[0]))):
                continue
            pixels += shown.width * shown.height
            if jobs and pixels > state.settings.max_pixels:
                break
            jobs.append(job)
            if len(jobs) == _TOGETHER or job in self._alone:
                break
        return tuple(jobs)

    def _is_stale(self, jobs: tuple[Job, ...]) -> bool:
        state = self._state
        if self._closed or state.paused:
            return True
        here = {shown.id: shown for shown in state.pictures}
        if not any(job.picture in here and job in self._wanted(here[job.picture]) for job in jobs):
            return True
        urgent = self._missing(state.picture) if state.picture else None
        return urgent is not None and urgent not in jobs

    def _run(self) -> None:
        while True:
            with self._changed:
                jobs, cold = self._take()
                while not (jobs or cold or self._closed):
                    self._changed.wait()
                    jobs, cold = self._take()
                engine = self._state.engine
            if self._closed:
                return
            if jobs:
                self._answer(jobs, engine)
            elif cold:
                self._warm(cold, engine)

    def _take(self) -> tuple[tuple[Job, ...], Role | None]:
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

    def _answer(self, jobs: tuple[Job, ...], engine: Engine) -> None:
        try:
            answers = self._compute(jobs, engine)
        except CancelledError:
            return
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            with self._state.lock:
                if len(jobs) > 1:  # one by one, only the culprit fails
                    self._alone.update(jobs)
                elif not self._is_stale(jobs):  # such as when the picture has gone meanwhile
                    self._outcomes.put(jobs[0], self._state.sentence(problem))
            return
        with self._state.lock:
            self._alone.difference_update(jobs)
            self._warming.note(jobs[0], engine)
            for job, answer in zip(jobs, answers, strict=True):
                self._outcomes.put(job, answer)

    def _compute(
        self, jobs: tuple[Job, ...], engine: Engine
    ) -> Sequence[Classification | Captions]:
        def cancel() -> bool:
            return self._is_stale(jobs)

        pictures = []
        for job in jobs:
            if len(jobs) > 1 and cancel():
                raise CancelledError
            pictures.append(self._state.shelf.open(job.picture, job.edits))
        first = jobs[0]
        if isinstance(first.options, ClassifyOptions):
            return engine.classify(pictures, first.labels, first.options, cancel=cancel)

        def hear(words: str) -> None:
            if self._written.take(first, words):
                self._state.guarded(self._tell_words)()

        return engine.caption(pictures, first.options, cancel=cancel, on_words=hear)

    def _refresh(self) -> None:
        """Tell the state what is known and what is being done, all of it before anyone looks."""
        state = self._state
        names = {shown.id: shown.name for shown in state.pictures}
        self._outcomes.keep_only(names)
        with state.hold_trait_notifications():
            state.description = self.description(state.selected)
            state.statuses = {shown.id: self._status(shown) for shown in state.pictures}
            self._tell_words()
            here = [job for job in self._jobs if job.picture in names]
            what = names[here[0].picture] if len(here) == 1 else f"{len(here):,} pictures"
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
