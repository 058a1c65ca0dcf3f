"""The formats that feedback leaves and enters in, by name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from imgcap.feedback.exchange import csv, imagefolder, jsonl, label_studio
from imgcap.feedback.exchange.plain import located
from imgcap.feedback.files import explained, whole_file, whole_folder
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackError, FeedbackRecord

_SNIFFED: Final = 2**12


@dataclass(frozen=True)
class FileFormat:
    """A format that is one file.

    Parameters
    ----------
    suffix : str
        What its files' names end in.
    media_type : str
        What a browser calls it.
    """

    suffix: str
    media_type: str
    write: Callable[[Iterable[FeedbackRecord], BinaryIO, PictureFolder | None], int]
    read: Callable[[BinaryIO, str], Iterator[FeedbackRecord]]


@dataclass(frozen=True)
class FolderFormat:
    """A format that is a folder with these names in it."""

    names: frozenset[str]
    write: Callable[[Iterable[FeedbackRecord], Path, PictureFolder | None], int]
    read: Callable[[Path, str, PictureFolder | None], Iterator[FeedbackRecord]]


FORMATS: Final[Mapping[str, FileFormat | FolderFormat]] = {
    "csv": FileFormat(".csv", "text/csv", csv.write, csv.read),
    "jsonl": FileFormat(".jsonl", "application/jsonl", jsonl.write, jsonl.read),
    "imagefolder": FolderFormat(imagefolder.NAMES, imagefolder.write, imagefolder.read),
    "label-studio": FileFormat(".json", "application/json", label_studio.write, label_studio.read),
}


def export(
    records: Iterable[FeedbackRecord],
    destination: Path | BinaryIO,
    format_name: str,
    pictures: PictureFolder | None = None,
    *,
    overwrite: bool = False,
) -> int:
    """Write records in a format, never holding all of them in memory.

    Parameters
    ----------
    records : iterable of FeedbackRecord
        Such as `Store.iterate` gives.
    destination : Path or binary file
        A path appears when all is written: an export that is stopped leaves nothing under it.
    format_name : str
        One of `FORMATS`; `imagefolder` needs a path.
    pictures : PictureFolder, optional
        Where the pictures lie that visitors allowed to be kept.
    overwrite : bool
        Whether the destination may be there already; a folder only if it is an earlier export.

    Returns
    -------
    int
        How many records were written.

    Raises
    ------
    FeedbackError
        If the destination is there already or cannot be written, or the records cannot be read.
    """
    chosen = _format(format_name)
    if isinstance(chosen, FileFormat) and not isinstance(destination, Path):
        return chosen.write(records, destination, pictures)
    if not isinstance(destination, Path):
        raise FeedbackError(f"The format {format_name} needs a folder to be written to.")
    with explained("The feedback could not be exported", destination):
        _check_free(destination, chosen, overwrite=overwrite)
        if isinstance(chosen, FileFormat):
            with whole_file(destination) as file:
                return chosen.write(records, file, pictures)
        with whole_folder(destination) as folder:
            return chosen.write(records, folder, pictures)


def read_export(
    source: Path, format_name: str | None = None, pictures: PictureFolder | None = None
) -> Iterator[FeedbackRecord]:
    """Yield the records of an export, one after the other.

    Parameters
    ----------
    source : Path
        The file or folder.
    format_name : str, optional
        One of `FORMATS`; by default told by the content.
    pictures : PictureFolder, optional
        Where the pictures of a folder are kept again.

    Raises
    ------
    FeedbackError
        Where the file holds something else; the sentence says in which line, row or task. The
        records before it have been yielded by then.
    """
    with explained("The feedback could not be imported", source):
        name = format_name or _guess(source)
        chosen = _format(name)
        if isinstance(chosen, FolderFormat):
            if not any((source / part).is_file() for part in chosen.names):
                raise located(f"“{source}”", FeedbackError(f"it is no folder of the format {name}"))
            yield from chosen.read(source, str(source), pictures)
        else:
            with source.open("rb") as file:
                yield from chosen.read(file, str(source))


def _format(name: str) -> FileFormat | FolderFormat:
    if name not in FORMATS:
        raise FeedbackError(f"There is no format “{name[:30]}”; choose {', '.join(FORMATS)}.")
    return FORMATS[name]


def _guess(source: Path) -> str:
    if source.is_dir():
        return "imagefolder"
    with source.open("rb") as file:
        start = file.read(_SNIFFED).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"[": "label-studio", b"{": "jsonl"}.get(start, "csv")


def _check_free(destination: Path, chosen: FileFormat | FolderFormat, *, overwrite: bool) -> None:
    if not (destination.exists() or destination.is_symlink()):
        return
    if not overwrite:
        raise FeedbackError(f"“{destination}” is there already; choose another name.")
    if isinstance(chosen, FileFormat):
        if not destination.is_file():
            raise FeedbackError(f"“{destination}” is no file that could be replaced.")
    # Replacing removes what is in it, so it may be nothing of another kind.
    elif (
        not destination.is_dir()
        or destination.is_symlink()
        or {each.name for each in destination.iterdir()} - chosen.names
    ):
        raise FeedbackError(f"“{destination}” holds more than an earlier export; choose another.")
