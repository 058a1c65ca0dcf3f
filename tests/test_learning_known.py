from pathlib import Path

import pytest

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import Prediction, open_engine
from imgcap.learning.known import known_pictures
from imgcap.settings import Settings

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
CAT = "c" * 64


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(adapters=tmp_path / "adapters", pictures=tmp_path / "pictures")


def test_embeddings_are_kept_only_of_the_checkpoint_without_an_adapter(settings: Settings) -> None:
    engine = open_engine(settings)
    lesson = FeedbackRecord(
        rating=3,
        corrected_label="a cat",
        labels=("a cat", "a dog"),
        predictions=(Prediction("a dog", 0.6), Prediction("a cat", 0.4)),
        picture_sha256=CAT,
        picture_file=PictureFolder(settings.pictures).keep((SAMPLES / "cat.jpg").read_bytes()),
        classifier=engine.models["classifier"].checkpoint,
    )
    elsewhere = FeedbackRecord(rating=3, corrected_label="a boat", picture_sha256="b" * 64)
    unsaid = FeedbackRecord(rating=3, comment="Nice.", picture_sha256="a" * 64)
    records = [lesson, elsewhere, unsaid]

    adapted = known_pictures(records, engine, settings, "+an adapter")
    assert not list(settings.adapters.glob("*"))
    alone = known_pictures(records, engine, settings, "")
    assert [path.suffix for path in settings.adapters.iterdir()] == [".safetensors"]
    for known in (adapted, alone):
        assert known.ids == {CAT, "b" * 64}
        assert len(known.seen) == 1
