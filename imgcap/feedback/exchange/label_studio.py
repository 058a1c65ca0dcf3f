"""Tasks of Label Studio, where people can go on correcting what was said.

A task shows the picture and the candidate labels; the models' answers are its prediction, what
the visitor said is its annotation, and the whole record goes with it as text. `LABELING_CONFIG` is
the project's labeling interface. Pictures are served by Label Studio from the folder of kept
pictures, which it has to be given as local storage, with the folder above as document root.

An export of Label Studio in the format "JSON" is read too: an annotation that says something else
than its record becomes a record of its own.

https://labelstud.io/guide/task_format, https://labelstud.io/guide/predictions
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final
from urllib.parse import quote
from uuid import uuid5

import ijson
from pydantic import AwareDatetime, BaseModel, ValidationError

from imgcap.feedback.exchange.plain import from_json, located, to_json
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.text import escape, unescape

LABELING_CONFIG: Final = """\
<View>
  <Image name="image" value="$image"/>
  <Header value="What does the picture show?"/>
  <Choices name="label" toName="image" value="$choices" choice="single" showInline="true"/>
  <Header value="What should its caption be?"/>
  <TextArea name="caption" toName="image" rows="2" maxSubmissions="1" editable="true"/>
  <Header value="How good is the answer?"/>
  <Rating name="rating" toName="image" maxRating="5"/>
  <Header value="Comment"/>
  <TextArea name="comment" toName="image" rows="4" maxSubmissions="1" editable="true"/>
</View>
"""
"""The labeling interface of a project that the tasks fit into, as XML."""

_TYPES: Final = {
    "label": "choices",
    "caption": "textarea",
    "rating": "rating",
    "comment": "textarea",
}
_KEYS: Final = {"choices": "choices", "textarea": "text", "rating": "rating"}
_SNIFFED: Final = 2**12
_LOCAL_FILES: Final = "/data/local-files/?d="


class _Data(BaseModel):
    record: str


class _Result(BaseModel):
    from_name: str = ""
    value: dict[str, Any] = {}


class _Annotation(BaseModel):
    id: int | str = ""
    unique_id: str | None = None
    was_cancelled: bool | None = False
    updated_at: AwareDatetime | None = None
    result: list[_Result] = []


class _Task(BaseModel):
    data: _Data
    annotations: list[_Annotation] = []


def write(records: Iterable[FeedbackRecord], file: BinaryIO, pictures: PictureFolder | None) -> int:
    """Write a list of tasks, one a line; return how many."""
    count = 0
    for record in records:
        file.write(b",\n" if count else b"[\n")
        file.write(json.dumps(_task(record, pictures)).encode())
        count += 1
    file.write(b"\n]\n" if count else b"[]\n")
    return count


def read(file: BinaryIO, name: str) -> Iterator[FeedbackRecord]:
    """Yield the records of tasks that `write` wrote, then what annotators say otherwise."""
    if file.read(_SNIFFED).lstrip()[:1] != b"[":
        raise located(f"“{name}”", FeedbackError("it is no list of tasks"))
    file.seek(0)
    number = 0
    try:
        for task in ijson.items(file, "item", use_float=True):
            number += 1
            yield from _records(task)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        damaged = FeedbackError("it is not JSON, or incomplete")
        raise located(f"Task {number + 1} of “{name}”", damaged) from error
    except FeedbackError as error:
        raise located(f"Task {number} of “{name}”", error) from error


def _task(record: FeedbackRecord, pictures: PictureFolder | None) -> dict[str, Any]:
    labels = (*record.labels, *(each.label for each in record.predictions), record.corrected_label)
    models = (
        (record.classifier, record.classifier_revision),
        (record.captioner, record.captioner_revision),
    )
    prediction = {
        "model_version": escape(
            " + ".join("@".join(filter(None, each)) for each in models if each[0])
        ),
        "result": _results(record, "prediction", label=record.label, caption=record.caption),
        **({"score": record.predictions[0].score} if record.predictions else {}),
    }
    return {
        "data": {
            "image": _image(record, pictures),
            "choices": [
                {"value": escape(label)} for label in dict.fromkeys(labels) if label.strip()
            ],
            "record": to_json(record),
        },
        "predictions": [prediction] if prediction["result"] else [],
        "annotations": [{"result": _results(record, "annotation", **_said(record))}],
    }


def _image(record: FeedbackRecord, pictures: PictureFolder | None) -> str:
    """Return the picture's address in Label Studio, else its bare name."""
    if pictures is not None and record.picture_file in pictures:
        place = pictures.path(record.picture_file).relative_to(pictures.folder.parent)
        return _LOCAL_FILES + quote(place.as_posix())
    # A name is quoted whole: it must not become the address of something else.
    return quote(escape(record.picture_name), safe="")


def _said(record: FeedbackRecord) -> dict[str, Any]:
    return {
        "label": record.corrected_label,
        "caption": record.corrected_caption,
        "rating": record.rating,
        "comment": record.comment,
    }


def _results(record: FeedbackRecord, part: str, **answers: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # text or rating
    return [
        {
            "id": f"{record.id}-{part}-{name}",
            "from_name": name,
            "to_name": "image",
            "type": _TYPES[name],
            "value": {_KEYS[_TYPES[name]]: answer if name == "rating" else [escape(answer)]},
        }
        for name, answer in answers.items()
        if name == "rating" or answer.strip()
    ]


def _records(task: object) -> Iterator[FeedbackRecord]:
    try:
        checked = _Task.model_validate(task)
    except ValidationError as error:
        raise FeedbackError("it is no task that was exported from here") from error
    record = from_json(checked.data.record)
    yield record
    for annotation in checked.annotations:
        answers = _answers(annotation, record)
        if not annotation.was_cancelled and _bare(answers) != _bare(_said(record)):
            changed = {
                "id": uuid5(record.id, annotation.unique_id or str(annotation.id)),
                "time": annotation.updated_at or record.time,
                "rating": answers["rating"],
                "comment": answers["comment"],
                "corrected_label": answers["label"],
                "corrected_caption": answers["caption"],
            }
            yield FeedbackRecord(**{**dict(record), **changed})


def _answers(annotation: _Annotation, record: FeedbackRecord) -> dict[str, Any]:
    """Return what an annotator chose and wrote, under the names of the labeling interface."""
    answers: dict[str, Any] = {"label": "", "caption": "", "rating": record.rating, "comment": ""}
    for result in annotation.result:
        kind = _TYPES.get(result.from_name)
        value = result.value.get(_KEYS[kind]) if kind else None
        if kind == "rating" and value is not None:
            answers["rating"] = value
        elif value:
            texts = value if isinstance(value, list) else [value]
            answers[result.from_name] = unescape("\n".join(map(str, texts)))
    return answers


def _bare(answers: dict[str, Any]) -> dict[str, Any]:
    """Leave out what an editor may change unasked: white space."""
    return {name: " ".join(str(answer).split()) for name, answer in answers.items()}
