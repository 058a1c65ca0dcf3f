"""What an unfinished run has found out, kept beside its results file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from imgcap.feedback.files import sync_folder
from imgcap.results_file.row import ResultRow


class Journal:
    """The rows that were found so far, a batch a line, each on disk before `append` returns.

    A line that a stop has torn is dropped, and so the whole batch: it is then described again, in
    the same company, which keeps its scores the same to the last digit.

    Parameters
    ----------
    path : Path
        Made when the journal is opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.batches: list[list[ResultRow]] = []
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Read what is there, and make ready to append."""
        file = self.path.open("a+b")
        self._file = file
        file.seek(0)
        end = 0
        for line in file:
            try:
                rows = [ResultRow.from_dict(values) for values in json.loads(line)]
            except ValueError:
                break
            if not line.endswith(b"\n"):
                break
            self.batches.append(rows)
            end += len(line)
        file.truncate(end)
        sync_folder(self.path.parent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file; it stays, unless nothing is in it."""
        if self._file:
            self._file.close()
            if self.path.exists() and not self.path.stat().st_size:
                self.remove()

    def append(self, rows: Sequence[ResultRow]) -> None:
        """Keep a batch."""
        if self._file is None:
            raise RuntimeError("The journal is not open.")
        self._file.write(json.dumps([row.as_dict() for row in rows]).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def clear(self) -> None:
        """Forget all that was found."""
        self.batches = []
        if self._file:
            self._file.truncate(0)

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
