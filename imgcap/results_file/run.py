"""A run over many pictures that can be stopped at any moment, and goes on where it was."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from imgcap.batches import Outcome
from imgcap.feedback import FeedbackError
from imgcap.feedback.files import explained, whole_file
from imgcap.results_file.formats import format_of
from imgcap.results_file.journal import Journal
from imgcap.results_file.row import ResultRow, ResultsError
from imgcap.sources import Source

JOURNAL_SUFFIX: Final = ".unfinished"


class ResultsRun:
    """What is still to do for a results file, and what is kept of earlier runs.

    A row is kept if its file has the same path and the same bytes (SHA-256) as before, and the
    question is the same. Rows of an unfinished run are all kept, so that it ends as if it had
    never been stopped; of a finished file, what failed is tried again.

    Use `opened` to get one.

    Parameters
    ----------
    out : Path
        The results file.
    sources : sequence of Source
        All pictures; one that is named twice counts once.
    question : str
        As `question_digest` returns.
    top : int
        How many predictions a row holds.

    Attributes
    ----------
    todo : list of Source
        What has to be described.
    batches_before : int
        How many batches of this run were done before it was stopped.
    kept : int
        How many rows are there already.
    """

    def __init__(self, out: Path, sources: Sequence[Source], question: str, top: int) -> None:
        self._out = out
        self._format = format_of(out)
        self._question = question
        self._top = top
        self._sources = {source.file: source for source in sources}
        self._rows: dict[str, ResultRow] = {}
        self.journal = Journal(out.with_name(f"{out.name}{JOURNAL_SUFFIX}"))
        self.todo: list[Source] = []
        self.batches_before = 0
        self.kept = 0
        self._added = 0

    @classmethod
    @contextmanager
    def opened(
        cls,
        out: Path,
        sources: Sequence[Source],
        question: str,
        *,
        top: int,
        overwrite: bool = False,
    ) -> "Iterator[ResultsRun]":
        """Take up a run, or begin one.

        Parameters
        ----------
        out, sources, question, top
            As for the class.
        overwrite : bool
            Whether to begin anew whatever is there.

        Raises
        ------
        ResultsError
            If the results file cannot be read or written, holds something else, or another
            program is at work on it.
        """
        run = cls(out, sources, question, top)
        try:
            with explained("The results could not be written", out), _locked(out), run.journal:
                run._begin(overwrite=overwrite)
                yield run
        except FeedbackError as error:
            raise ResultsError(str(error)) from error

    @property
    def total(self) -> int:
        """How many pictures there are."""
        return len(self._sources)

    @property
    def done(self) -> int:
        """How many of them have a row by now."""
        return self.kept + self._added

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Keep a batch; it is on disk when this returns."""
        rows = [self._row(outcome) for outcome in outcomes]
        self.journal.append(rows)
        self._rows |= {row.file: row for row in rows}
        self._added += len(rows)

    def finish(self) -> int:
        """Write the results file, whole or not at all; return in how many rows is an error."""
        rows = [self._rows[file] for file in self._sources]
        with whole_file(self._out) as file:
            self._format.write(rows, file)
        self.journal.remove()
        return sum(bool(row.error) for row in rows)

    def _begin(self, *, overwrite: bool) -> None:
        if overwrite:
            self.journal.clear()
        elif self._out.exists():
            self._rows = {row.file: row for row in self._finished() if not row.error}
        unfinished = [row for batch in self.journal.batches for row in batch]
        self._refuse_others(unfinished, "an unfinished run")
        if unfinished and not any(row.file in self._sources for row in unfinished):
            raise self._refused("belongs to an unfinished run over other pictures")
        self.batches_before = len(self.journal.batches)
        self._rows |= {row.file: row for row in unfinished}
        for file, source in self._sources.items():
            row = self._rows.get(file)
            if row and row.sha256 == _digest(source):
                self.kept += 1
            else:
                self.todo.append(source)

    def _finished(self) -> list[ResultRow]:
        try:
            with self._out.open("rb") as file:
                rows = list(self._format.read(file))
        except ValueError as error:
            raise self._refused("holds something else than results") from error
        if any(row.file not in self._sources for row in rows):
            raise self._refused("holds results of other pictures")
        self._refuse_others(rows, "it")
        return rows

    def _refuse_others(self, rows: Iterable[ResultRow], whose: str) -> None:
        if any(row.question != self._question for row in rows):
            answers = "holds answers" if whose == "it" else f"belongs to {whose}, with answers"
            raise self._refused(f"{answers} to another question (other labels, limits or models)")

    def _refused(self, reason: str) -> ResultsError:
        return ResultsError(
            f"“{self._out}” {reason}: choose another name, or give --overwrite to begin anew."
        )

    def _row(self, outcome: Outcome) -> ResultRow:
        if outcome.description:
            return ResultRow.of(outcome.file, outcome.description, self._top, self._question)
        digest = _digest(self._sources[outcome.file])
        return ResultRow(outcome.file, digest, question=self._question, error=outcome.error)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    lock = FileLock(f"{out}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ResultsError(f"Another program is writing “{out}” at this moment.") from error
    try:
        yield
    finally:
        # Before it is released: whoever comes then sees that it is gone, and makes a new one.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def _digest(source: Source) -> str:
    """Return the SHA-256 of a source's bytes, empty if they cannot be read."""
    if source.error:
        return ""
    if source.data is not None:
        return hashlib.sha256(source.data).hexdigest()
    try:
        with Path(source.file).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""
