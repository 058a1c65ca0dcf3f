import json
from pathlib import Path

import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import open_engine
from imgcap.learning.registry import new_id
from imgcap.settings import Settings
from tests.conftest import BuildCheckpoint
from tests.learn_cli import run
from tests.learning_feedback import green, red, white
from tests.low_rank import kept_low_rank
from tests.picture_files import encode


def give_feedback(settings: Settings, images: list[Image.Image], *, good: bool = False) -> None:
    """Correct captions to a style, or rate those good that an adapter wrote in it."""
    folder = PictureFolder(settings.pictures)
    store = open_store(settings)
    for image, answer in zip(images, open_engine(settings).caption(images), strict=True):
        kept = folder.keep(encode(image, "PNG"))
        styled = f"{answer.best.text} on a sunny day"
        store.append(
            FeedbackRecord(
                rating=5 if good else 2,
                caption=styled if good else answer.best.text,
                corrected_caption="" if good else styled,
                picture_file=kept,
                picture_sha256=kept,
                captioner=answer.model,
                captioner_revision="+lora-20200101-000000-000000" if good else "",
            )
        )


def test_captions_are_learned_listed_measured_and_deleted(
    settings: Settings, checkpoint: BuildCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGCAP_CAPTIONER", str(checkpoint("blip")))
    settings = Settings()
    assert "no caption was corrected or rated good" in run("fit", "--role", "captioner", status=1)
    assert "taught by --method lora" in run(
        "fit", "--role", "captioner", "--method", "probe", status=1
    )
    give_feedback(settings, [*map(white, range(4))])
    text = run("fit", "--role", "captioner")
    assert "all judged captions                4" in text
    assert "6 more corrected captions are needed" in text
    name = text.split(" as ")[-1].split(";")[0]
    assert "captions from 4 records" in run("list")
    [row] = json.loads(run("list", "--json"))
    assert (row["role"], row["kind"], row["adopted"]) == ("captioner", "lora", False)
    assert "may not be adopted" in run("adopt", name, status=1)
    assert "did not learn from" in run("evaluate", name, status=1)
    give_feedback(settings, [white(9)])
    assert json.loads(run("evaluate", name, "--json"))["everything"]["pictures"] == 1
    assert f"Deleted {name}." in run("delete", name, "--yes")
    assert not (settings.adapters / name).exists()


def test_a_captioner_s_adapter_is_adopted_and_taken_back(
    settings: Settings, checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    folder = str(checkpoint("blip"))
    chosen = settings.model_copy(update={"captioner": folder})
    card = kept_low_rank(chosen, "captioner", tmp_path / new_id("made"))
    assert run("adopt", card.id) == f"{folder} answers with {card.id} from now on.\n"
    assert open_engine(chosen).caption([white(1)])[0].revision == f"+{card.id}"
    text = run("rollback", "--role", "captioner", "--captioner", folder)
    assert text == f"{card.id} is taken back; {folder} answers alone.\n"
    assert open_engine(chosen).caption([white(1)])[0].revision == ""


@pytest.mark.long
def test_a_style_that_people_write_in_is_learned_adopted_and_taken_back(
    settings: Settings,
) -> None:
    unseen = [*map(green, range(200, 204))]
    engine = open_engine(settings)
    before = [each.captions for each in engine.caption(unseen)]
    give_feedback(settings, [*map(green, range(16))])
    give_feedback(settings, [*map(red, range(100, 112))], good=True)
    text = run("fit", "--role", "captioner")
    assert "Nearer to the corrections on 16 pictures" in text
    name = text.split()[-1]
    run("adopt", name)
    after = engine.caption(unseen)
    assert sum("on a sunny day" in each.best.text for each in after) >= 3
    assert {each.revision for each in after} == {f"+{name}"}
    run("rollback", "--role", "captioner")
    assert [each.captions for each in engine.caption(unseen)] == before, "to the bit"
