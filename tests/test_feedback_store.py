import subprocess
import sys
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord, Summary, open_store
from imgcap.settings import Settings


def test_importing_loads_no_heavy_library() -> None:
    code = (
        "import sys, imgcap.feedback, imgcap.feedback.csv;"
        "print(sorted({'torch', 'transformers', 'pandas', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_relative_path_starts_at_the_directory_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(Settings())
    monkeypatch.chdir("/")
    assert list(tmp_path.iterdir()) == []
    store.append(FeedbackRecord(rating=5))
    assert (tmp_path / "data" / "feedback.csv").is_file()


@pytest.mark.parametrize(
    "where", ["", "feedback.csv", "csv:", "redis://host", "mysql://anna:secret@host/db"]
)
def test_an_unknown_store_is_refused_without_telling_a_password(where: str) -> None:
    with pytest.raises(FeedbackError) as refusal:
        open_store(Settings(feedback=where))
    assert "There is no feedback store of the kind" in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_summary_counts_and_averages() -> None:
    assert Summary().mean_rating is None
    summary = Summary((1, 0, 0, 0, 3))
    assert (summary.count, summary.mean_rating) == (4, 4.0)
