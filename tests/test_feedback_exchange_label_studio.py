import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid5
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.exchange import LABELING_CONFIG, export, read_export
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference.results import Prediction
from tests.feedback_records import RECORDS
from tests.picture_files import every_kind

SAID = FeedbackRecord(
    rating=2,
    comment="a lynx, in fact",
    corrected_label="lynx",
    corrected_caption="a lynx on a rock",
    labels=("cat", "dog", "cat", " "),
    predictions=(Prediction("cat", 0.75), Prediction("dog", 0.25)),
    caption="a cat on a rock",
    classifier="clip",
    classifier_revision="abc",
    captioner="blip",
)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def exported(record: FeedbackRecord, folder: Path, **options: Any) -> dict[str, Any]:
    export([record], folder / "tasks.json", "label-studio", overwrite=True, **options)
    [task] = json.loads((folder / "tasks.json").read_text())
    return dict(task)


def result(name: str, kind: str, **value: Any) -> dict[str, Any]:
    return {
        "id": f"x-{name}",
        "from_name": name,
        "to_name": "image",
        "type": kind,
        "origin": "manual",
        "value": value,
    }


def from_label_studio(record: FeedbackRecord, folder: Path, *annotations: Any) -> Path:
    """Return an export of Label Studio, as it writes what it was given and what people did."""
    task = exported(record, folder)
    task["annotations"] = [
        {
            "id": number,
            "unique_id": f"0000-{number}",
            "completed_by": 1,
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": NOW.isoformat(),
            "updated_at": (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z"),
            "lead_time": 3.5,
            "task": 17,
            "parent_prediction": None,
            **annotation,
        }
        for number, annotation in enumerate([*task["annotations"], *annotations], start=1)
    ]
    task |= {"id": 17, "drafts": [], "meta": {}, "inner_id": 1, "project": 3, "updated_by": 1}
    (folder / "export.json").write_text(json.dumps([task]))
    return folder / "export.json"


def changes(folder: Path, *results: Any, **fields: Any) -> list[FeedbackRecord]:
    """Return what an import adds to the record itself."""
    first, *others = read_export(
        from_label_studio(SAID, folder, {"result": list(results), **fields})
    )
    assert first == SAID
    return others


def test_a_task_is_in_the_form_that_label_studio_imports(tmp_path: Path) -> None:
    task = exported(SAID, tmp_path)
    assert set(task) == {"data", "predictions", "annotations"}
    assert task["data"]["choices"] == [{"value": "cat"}, {"value": "dog"}, {"value": "lynx"}]
    [prediction], [annotation] = task["predictions"], task["annotations"]
    assert (prediction["score"], prediction["model_version"]) == (0.75, "clip@abc + blip")

    def answers(part: dict[str, Any]) -> dict[str, Any]:
        return {(each["from_name"], each["type"]): each["value"] for each in part["result"]}

    assert answers(prediction) == {
        ("label", "choices"): {"choices": ["cat"]},
        ("caption", "textarea"): {"text": ["a cat on a rock"]},
    }
    assert answers(annotation) == {
        ("label", "choices"): {"choices": ["lynx"]},
        ("caption", "textarea"): {"text": ["a lynx on a rock"]},
        ("rating", "rating"): {"rating": 2},
        ("comment", "textarea"): {"text": ["a lynx, in fact"]},
    }


@settings(max_examples=60, deadline=None)
@given(record=RECORDS)
def test_every_task_fits_the_labeling_interface(
    tmp_path_factory: pytest.TempPathFactory, record: FeedbackRecord
) -> None:
    task = exported(record, tmp_path_factory.mktemp("task"))
    interface = ET.fromstring(LABELING_CONFIG)  # noqa: S314  # our own
    tags = {tag.get("name"): tag for tag in interface if tag.get("name")}
    for tag in tags.values():
        for name in filter(None, [tag.get("value")]):
            assert name[1:] in task["data"]
    choices = [choice["value"] for choice in task["data"]["choices"]]
    assert len(set(choices)) == len(choices)
    parts = task["predictions"] + task["annotations"]
    results = [each for part in parts for each in part["result"]]
    assert len({each["id"] for each in results}) == len(results)
    for each in results:
        tag = tags[each["from_name"]]
        assert each["type"] == tag.tag.lower()
        assert each["to_name"] == tag.get("toName") == "image"
        assert set(each["value"].get("choices", [])) <= set(choices)
    # What its database (PostgreSQL's jsonb) takes.
    assert "\\u0000" not in json.dumps(task).replace("\\\\", "")
    assert json.dumps(task, ensure_ascii=False).encode()


def test_a_kept_picture_is_a_local_file(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path / "kept & safe")
    sha256 = pictures.keep(every_kind()["PNG"])
    record = FeedbackRecord(rating=1, picture_file=sha256, picture_name="cat.png")
    image = exported(record, tmp_path, pictures=pictures)["data"]["image"]
    name = f"{sha256[:2]}/{sha256}.png"
    assert image == f"/data/local-files/?d=kept%20%26%20safe/{name}"
    assert exported(record, tmp_path)["data"]["image"] == "cat.png"


@pytest.mark.parametrize(
    "name",
    ["https://evil.example/track.gif", "javascript:alert(1)", "//evil/x", "../../x", "\ud800"],
)
def test_a_picture_name_never_becomes_an_address(tmp_path: Path, name: str) -> None:
    image = exported(FeedbackRecord(rating=1, picture_name=name), tmp_path)["data"]["image"]
    assert not set(image) & set(":/\\")


def test_what_nobody_changed_is_imported_once(tmp_path: Path) -> None:
    assert list(read_export(from_label_studio(SAID, tmp_path))) == [SAID]


def test_what_annotators_corrected_becomes_a_record_of_its_own(tmp_path: Path) -> None:
    [corrected] = changes(
        tmp_path,
        result("label", "choices", choices=["dog"]),
        result("caption", "textarea", text=["a dog", "on a rock"]),
        result("rating", "rating", rating=5),
    )
    assert corrected.id == uuid5(SAID.id, "0000-2")
    expected = {
        "id": corrected.id,
        "time": NOW + timedelta(hours=1),
        "rating": 5,
        "comment": "",
        "corrected_label": "dog",
        "corrected_caption": "a dog\non a rock",
    }
    assert dict(corrected) == dict(SAID) | expected
    again = list(read_export(tmp_path / "export.json"))
    assert again == [SAID, corrected]


def test_an_annotation_in_which_only_white_space_differs_says_the_same(tmp_path: Path) -> None:
    same = [
        result("label", "choices", choices=["lynx"]),
        result("caption", "textarea", text="a lynx on a rock\n"),
        result("rating", "rating", rating=2),
        result("comment", "textarea", text=["a lynx,", "in fact "]),
    ]
    assert changes(tmp_path, *same) == []
    assert changes(tmp_path, *same[1:])[0].corrected_label == ""
    assert changes(tmp_path, *same, result("other", "number", number=3)) == []
    [unrated] = changes(tmp_path, same[0])
    assert (unrated.rating, unrated.corrected_label, unrated.comment) == (2, "lynx", "")


def test_a_skipped_task_changes_nothing(tmp_path: Path) -> None:
    assert changes(tmp_path, result("rating", "rating", rating=5), was_cancelled=True) == []


def test_each_annotation_is_a_record(tmp_path: Path) -> None:
    ratings = [{"result": [result("rating", "rating", rating=n)]} for n in (4, 5)]
    records = list(read_export(from_label_studio(SAID, tmp_path, *ratings)))
    assert [record.rating for record in records] == [2, 4, 5]
    assert len({record.id for record in records}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": [result("rating", "rating", rating=9)]},
        {"result": [result("rating", "rating", rating="<b>")]},
        {"result": [result("caption", "textarea", text=["x" * 10_001])]},
        {"result": 3},
        {"result": [{"from_name": 3}]},
        3,
    ],
)
def test_an_annotation_that_makes_no_record_is_told(tmp_path: Path, wrong: Any) -> None:
    place = from_label_studio(SAID, tmp_path)
    [task] = json.loads(place.read_text())
    task["annotations"].append(wrong)
    place.write_text(json.dumps([task]))
    with pytest.raises(FeedbackError, match=r"^Task 1 of “.*export\.json” cannot be imported: "):
        list(read_export(place))


def test_another_export_of_label_studio_is_told(tmp_path: Path) -> None:
    place = tmp_path / "export.json"
    place.write_text('{"tasks": []}')
    with pytest.raises(FeedbackError, match="it is no list of tasks"):
        list(read_export(place, "label-studio"))
