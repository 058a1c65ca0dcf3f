"""The formats of a results file: how rows are written, and read again."""

import csv
import importlib.util
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from imgcap.feedback.text import escape, unescape
from imgcap.neutralise import neutralise, restore
from imgcap.results_file.row import COLUMNS, ResultRow, ResultsError

_NUMBERS: Final[Mapping[str, type]] = {
    "width": int,
    "height": int,
    "caption_confidence": float,
    "score": float,
}
_GROUP: Final = 1_000


@dataclass(frozen=True)
class ResultFormat:
    """One way to write results down.

    Parameters
    ----------
    name : str
        As a person calls it.
    suffix : str
        What its files' names end in.
    media_type : str
        What a browser calls it.
    write : callable
        Writes rows to a binary file, one after the other.
    read : callable
        Yields what `write` wrote; raises ValueError where a file holds something else.
    module : str
        The module that it needs, empty for none.
    """

    name: str
    suffix: str
    media_type: str
    write: Callable[[Iterable[ResultRow], BinaryIO], None]
    read: Callable[[BinaryIO], Iterator[ResultRow]]
    module: str = ""

    @property
    def is_available(self) -> bool:
        """Whether what it needs is installed."""
        return not self.module or importlib.util.find_spec(self.module) is not None


def format_of(path: Path) -> ResultFormat:
    """Return the format that a file's name asks for.

    Raises
    ------
    ResultsError
        If there is no such format, or what it needs is not installed.
    """
    chosen = FORMATS.get(path.suffix.lower().removeprefix("."))
    if chosen is None:
        known = ", ".join(each.suffix for each in FORMATS.values())
        raise ResultsError(f"The name of a results file must end in one of {known}.")
    if not chosen.is_available:
        raise ResultsError(
            f"{chosen.name} needs {chosen.module}, which is not installed: "
            f"pip install 'imgcap[{chosen.suffix.removeprefix('.')}]'."
        )
    return chosen


def _write_csv(rows: Iterable[ResultRow], file: BinaryIO) -> None:
    # The mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows([_cell(value) for value in row.as_dict().values()] for row in rows)
    finally:
        text.detach()  # the file is the caller's to close


def _cell(value: object) -> str:
    if value is None:
        return ""
    return neutralise(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _read_csv(file: BinaryIO) -> Iterator[ResultRow]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        lines = csv.reader(text, strict=True)
        if tuple(next(lines, ())) != COLUMNS:
            raise ValueError("other columns")
        for line in lines:
            cells = map(restore, line)
            yield ResultRow.from_dict(
                {name: _value(name, cell) for name, cell in zip(COLUMNS, cells, strict=True)}
            )
    except csv.Error as error:
        raise ValueError("no CSV") from error
    finally:
        text.detach()


def _value(name: str, cell: str) -> Any:  # noqa: ANN401  # any column's
    if name == "predictions":
        return json.loads(cell)
    if name in _NUMBERS:
        return _NUMBERS[name](cell) if cell else None
    return cell


def _write_json_lines(rows: Iterable[ResultRow], file: BinaryIO) -> None:
    # ASCII, so that names that are no Unicode survive.
    file.writelines(json.dumps(row.as_dict()).encode() + b"\n" for row in rows)


def _read_json_lines(file: BinaryIO) -> Iterator[ResultRow]:
    return (ResultRow.from_dict(json.loads(line)) for line in file)


def _write_parquet(rows: Iterable[ResultRow], file: BinaryIO) -> None:
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415  # likewise

    prediction = pa.struct({"label": pa.string(), "score": pa.float64()})
    kinds = {name: pa.int64() if kind is int else pa.float64() for name, kind in _NUMBERS.items()}
    kinds["predictions"] = pa.list_(prediction)
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    with pq.ParquetWriter(file, schema) as writer:
        for group in _grouped(rows):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _grouped(rows: Iterable[ResultRow]) -> Iterator[list[dict[str, Any]]]:
    plain = (_every_text(row.as_dict(), escape) for row in rows)
    iterator = iter(plain)
    while group := [values for values, _ in zip(iterator, range(_GROUP), strict=False)]:
        yield group


def _read_parquet(file: BinaryIO) -> Iterator[ResultRow]:
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415  # likewise

    try:
        for batch in pq.ParquetFile(file).iter_batches(_GROUP):
            for values in batch.to_pylist():
                yield ResultRow.from_dict(_every_text(values, unescape))
    except pa.ArrowException as error:
        raise ValueError("no Parquet") from error


def _every_text(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  # plain values
    """Change all texts in plain values, such as to what UTF-8 can hold."""
    match value:
        case str():
            return change(value)
        case dict():
            return {name: _every_text(part, change) for name, part in value.items()}
        case list():
            return [_every_text(part, change) for part in value]
        case _:
            return value


FORMATS: Final[Mapping[str, ResultFormat]] = {
    "csv": ResultFormat("CSV", ".csv", "text/csv", _write_csv, _read_csv),
    "jsonl": ResultFormat(
        "JSON lines", ".jsonl", "application/jsonl", _write_json_lines, _read_json_lines
    ),
    "parquet": ResultFormat(
        "Parquet",
        ".parquet",
        "application/vnd.apache.parquet",
        _write_parquet,
        _read_parquet,
        "pyarrow",
    ),
}
