"""A folder that Hugging Face's `datasets` opens: ``load_dataset("imagefolder", data_dir=...)``.

::

    metadata.jsonl    the records whose picture was kept: file_name, and all fields
    pictures/         their pictures, each once
    records.jsonl     the records without a picture, which `datasets` leaves out; all fields

Fields are as in JSON Lines, except that `edits`, whose values differ from record to record, is
JSON in a text: a column of a data set has one type.

https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from imgcap.feedback.exchange.jsonl import lines
from imgcap.feedback.exchange.plain import from_plain, located, parse, to_plain
from imgcap.feedback.files import explained
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackError, FeedbackRecord

_METADATA, _RECORDS, _PICTURES = "metadata.jsonl", "records.jsonl", "pictures"
NAMES: Final = frozenset({_METADATA, _RECORDS, _PICTURES})
"""What the folder has, and nothing else."""


def write(records: Iterable[FeedbackRecord], folder: Path, pictures: PictureFolder | None) -> int:
    """Fill an empty folder; return how many records it has."""
    count = 0
    with (folder / _METADATA).open("wb") as shown, (folder / _RECORDS).open("wb") as others:
        for record in records:
            fields = to_plain(record)
            fields["edits"] = json.dumps(fields["edits"])
            file = others
            if pictures is not None and record.picture_file in pictures:
                name = _copy(record.picture_file, folder, pictures)
                fields = {"file_name": name, **fields}
                file = shown
            file.write(json.dumps(fields).encode() + b"\n")
            count += 1
    return count


def read(folder: Path, name: str, pictures: PictureFolder | None) -> Iterator[FeedbackRecord]:
    """Yield the records of a folder that `write` has filled, and keep their pictures.

    Without `pictures`, only the records are taken.
    """
    for part in (_METADATA, _RECORDS):
        if not (folder / part).exists():
            continue
        with (folder / part).open("rb") as file:
            for place, value in lines(file, f"{name}/{part}"):
                try:
                    record = _record(value, folder, pictures)
                except FeedbackError as error:
                    raise located(place, error) from error
                yield record


def _copy(sha256: str, folder: Path, pictures: PictureFolder) -> str:
    """Copy a kept picture once, and return its name in the folder."""
    name = Path(_PICTURES) / pictures.path(sha256).relative_to(pictures.folder)
    if not (folder / name).exists():
        content = pictures.open(sha256)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return name.as_posix()


def _record(value: Any, folder: Path, pictures: PictureFolder | None) -> FeedbackRecord:  # noqa: ANN401  # any JSON value
    if not isinstance(value, dict):
        raise FeedbackError("it is no record of feedback")
    fields = dict(value)
    name = fields.pop("file_name", None)
    if isinstance(fields.get("edits"), str):
        fields["edits"] = parse(fields["edits"])
    if name is not None and pictures is not None:
        place = _inside(name, folder)
        with explained("The picture could not be read", place):
            content = place.read_bytes()
        fields["picture_file"] = pictures.keep(content, place.name)
    return from_plain(fields)


def _inside(name: object, folder: Path) -> Path:
    """Return where a picture lies; one outside of the folder, also by a link, is refused."""
    if not isinstance(name, str) or "\0" in name:
        raise FeedbackError("it has no file name")
    try:
        place = (folder / name).resolve()
    except (OSError, RuntimeError) as error:  # a link to itself
        raise FeedbackError("its picture is not there") from error
    if not place.is_relative_to(folder.resolve()):
        raise FeedbackError("its picture lies outside of the folder")
    if not place.is_file():
        raise FeedbackError("its picture is not there")
    return place
