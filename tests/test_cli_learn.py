import json

import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import Classification, open_engine
from imgcap.settings import Settings
from tests.learn_cli import run
from tests.learning_feedback import INVENTED, LABELS, NAME, give_feedback, green, red
from tests.picture_files import encode

EACH = 12


def classified(settings: Settings, images: list[Image.Image]) -> list[Classification]:
    return open_engine(settings).classify(images, (*LABELS, INVENTED))


def test_an_invented_label_is_learned_adopted_taken_back_and_deleted(settings: Settings) -> None:
    unseen = [green(999), red(998)]
    before = classified(settings, unseen)
    assert before[0].predictions[0].label != INVENTED
    records = give_feedback(settings, EACH)

    said = run("fit", "--dry-run")
    assert "points more often on 24 judged pictures" in said
    assert "of corrected labels               12" in said
    assert "no adapter yet" in run("list")
    said = run("fit")
    name = said.split()[-1]
    assert f"imgcap learn adopt {name}" in said
    assert "may be adopted" in run("list")
    assert run("adopt", name) == f"{NAME} answers with {name} from now on.\n"
    assert "answers now" in run("list")

    after = classified(settings, unseen)
    assert after[0].predictions[0].label == INVENTED
    assert after[0].adapter == name
    assert after[1].predictions[0].label == before[1].predictions[0].label
    [explained] = [open_engine(settings).explain_label(unseen[0], INVENTED, (*LABELS, INVENTED))]
    assert explained.score == pytest.approx(after[0].predictions[0].score, abs=1e-3)

    # Feedback on what an adapter answered teaches the next one all the same.
    open_store(settings).extend(
        [
            FeedbackRecord(
                rating=5,
                labels=(*LABELS, INVENTED),
                predictions=after[0].predictions,
                corrected_label=INVENTED,
                picture_file=PictureFolder(settings.pictures).keep(encode(unseen[0], "PNG")),
                classifier=after[0].model,
                classifier_revision=after[0].revision,
            )
        ]
    )
    assert json.loads(run("evaluate", name, "--json"))["everything"]["pictures"] == 1

    open_store(settings).delete([each.id for each in records[:3]])
    assert "3 of its records are deleted" in run("list")
    assert json.loads(run("list", "--json"))[0]["deleted"] == 3

    assert "roll back first" in run("delete", name, "--yes", status=1)
    assert f"{name} is taken back; {NAME} answers alone." in run("rollback")
    again = classified(settings, unseen)
    for each, first in zip(again, before, strict=True):
        assert each.predictions == first.predictions, "to the bit"
        assert each.revision == first.revision
    assert "without an adapter already" in run("rollback", status=1)
    assert f"Deleted {name}." in run("delete", name, "--yes")
    assert "no adapter yet" in run("list")


def test_wrong_corrections_give_nothing_that_may_be_adopted(settings: Settings) -> None:
    give_feedback(settings, EACH, shuffled=True)
    text = run("fit")
    assert "it may not be adopted" in text
    name = text.split(" as ")[-1].split(";")[0]
    assert "may not be adopted" in run("adopt", name, status=1)
    assert "adopted.json" not in {path.name for path in settings.adapters.iterdir()}


def test_what_is_missing_is_one_sentence(settings: Settings) -> None:
    assert "no label was confirmed or corrected" in run("fit", status=1)
    record = FeedbackRecord(
        rating=1,
        labels=LABELS,
        predictions=[{"label": LABELS[0], "score": 0.9}],
        corrected_label=LABELS[1],
        classifier=NAME,
    )
    open_store(settings).append(record)
    assert "none of the judged pictures was kept" in run("fit", status=1)
    for command in ("adopt", "evaluate"):
        assert "There is no adapter “x”." in run(command, "x", status=1)
    assert "There is no adapter “x”." in run("delete", "x", "--yes", status=1)
