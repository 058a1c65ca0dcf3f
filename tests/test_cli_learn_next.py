import json
import shutil
from pathlib import Path

from PIL import Image

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.images import open_picture
from imgcap.inference import open_engine
from imgcap.settings import Settings
from tests.learn_cli import run
from tests.picture_files import encode

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
LABELS = ("a cat", "a rocket", "a person", "food")


def judge(settings: Settings, path: Path, label: str, *, brighter: bool = False) -> None:
    """Say what a picture shows; or what a brighter copy of it shows, that is kept."""
    data = path.read_bytes()
    picture = open_picture(data, path.name)
    kept = ""
    if brighter:
        copy = Image.eval(picture.image, lambda value: min(255, value + 10))
        data = encode(copy, "PNG")
        picture = open_picture(data, "copy.png")
        kept = PictureFolder(settings.pictures).keep(data)
    [answer] = open_engine(settings).classify([picture], LABELS)
    open_store(settings).append(
        FeedbackRecord(
            rating=3,
            labels=LABELS,
            predictions=answer.predictions,
            corrected_label=label,
            picture_sha256=picture.sha256,
            picture_file=kept,
            classifier=answer.model,
            classifier_revision=answer.revision,
        )
    )


def test_what_is_judged_or_nearly_equal_is_not_asked_for_again(
    settings: Settings, tmp_path: Path
) -> None:
    album = tmp_path / "album"
    shutil.copytree(SAMPLES, album, ignore=shutil.ignore_patterns("*.md"))
    labels = [word for label in LABELS for word in ("--label", label)]
    lines = run("next", str(album), *labels, "--count", "3").splitlines()
    assert len(lines) == 3
    assert all(any(label in line and "%" in line for label in LABELS) for line in lines)

    judge(settings, album / "cat.jpg", "a cat")
    judge(settings, album / "rocket.jpg", "a rocket", brighter=True)
    (album / "broken.jpg").write_bytes(b"no picture")
    said = run("next", str(album), *labels, "--json", status=1)
    rows = json.loads(next(line for line in said.splitlines() if line.startswith("[")))
    rest = {path.name for path in SAMPLES.glob("*.jpg")} - {"cat.jpg", "rocket.jpg"}
    assert {Path(row["file"]).name for row in rows} == rest
    assert all(row["reason"] and 0 < row["score"] <= 1 for row in rows)
    assert "broken.jpg" in said


def test_too_little_to_choose_from_is_one_sentence(settings: Settings) -> None:
    assert settings.feedback
    cat = str(SAMPLES / "cat.jpg")
    assert "at least two labels" in run("next", cat, "--label", "a cat", status=2)
    assert "3 pictures or more" in run("next", cat, cat, cat, status=1)
