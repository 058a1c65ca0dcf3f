import pytest
from pydantic import ValidationError

from imgcap.settings import Settings, shown, usable_settings

NAMES = [f"IMGCAP_{name.upper()}" for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_variables_there_are_the_defaults() -> None:
    settings, problems = usable_settings()
    assert problems == ()
    assert settings == Settings()
    assert (settings.engine, settings.max_upload_mb) == ("local", 64)
    assert (settings.data / "labels").is_dir()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Settings()
    monkeypatch.setenv(name, "")
    assert usable_settings() == (defaults, ())


def test_each_variable_that_cannot_be_used_gets_a_sentence_and_the_others_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMGCAP_DTYPE", "int8")
    monkeypatch.setenv("IMGCAP_MAX_UPLOAD_MB", "64.5")
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "1000")
    with pytest.raises(ValidationError):
        Settings()
    settings, problems = usable_settings()
    assert (settings.dtype, settings.max_upload_mb, settings.max_pixels) == ("auto", 64, 1000)
    dtype, megabytes = problems
    assert dtype == "IMGCAP_DTYPE is “int8”, but must be auto, float32, bfloat16 or float16."
    assert megabytes.startswith("IMGCAP_MAX_UPLOAD_MB is “64.5”, but must be a whole number above")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_devices_that_can_be_asked_for(device: str) -> None:
    assert Settings(device=device).device == device


def test_a_missing_default_folder_is_no_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathlib.Path.is_dir", lambda _: False)
    assert usable_settings()[1] == ()
    monkeypatch.setenv("IMGCAP_DATA", "elsewhere")
    settings, [problem] = usable_settings()
    assert problem.startswith("IMGCAP_DATA is “elsewhere”")
    assert settings.data != "elsewhere"


@pytest.mark.parametrize(
    ("given", "repeated"),
    [
        ("float8", "float8"),
        ("two\nlines", "two lines"),
        ("x" * 1000, "x" * 80 + "…"),
        ("postgresql://me:secret@host/feedback", "postgresql:…"),
        ("me:secret@host", "me:…"),
    ],
)
def test_what_is_repeated_is_short_and_holds_no_password(given: str, repeated: str) -> None:
    assert shown(given) == repeated
