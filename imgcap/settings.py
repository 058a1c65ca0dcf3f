"""Every setting of the app, with its default, in one place: read from ``IMGCAP_*`` variables."""

from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_DATA = Path(__file__).resolve().parent.parent / "data"
_LONGEST_SHOWN = 80


class Settings(BaseSettings):
    """What a person can set, by ``IMGCAP_*`` environment variables or by keyword.

    A variable that is empty counts as not set. Unknown keywords and values that cannot be used
    are refused with a ``pydantic.ValidationError``. Each description says what a value must be.
    """

    model_config = SettingsConfigDict(
        env_prefix="IMGCAP_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    engine: str = Field("local", description="local, or the http URL of an inference service")
    engine_token: SecretStr = Field(
        SecretStr(""), description="what the inference service asks for, if it asks for any"
    )
    engine_timeout_s: float = Field(
        60, gt=0, description="a number above 0: the seconds that an answer may take"
    )
    classifier: str = Field("embedded", description="embedded, a hub id, or a checkpoint folder")
    captioner: str = Field("embedded", description="embedded, a hub id, or a checkpoint folder")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto, float32, bfloat16 or float16"
    )
    runtime: Literal["auto", "torch"] = Field(
        "auto", description="auto, or torch: OpenVINO is not used although it is installed"
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="auto, cpu, mps, cuda, or one of several such as cuda:1",
    )
    warm_up: bool = Field(
        default=True,
        description="true or false: whether a page readies its models before it has a picture",
    )
    feedback: str = Field(
        "csv:data/feedback.csv", description="the address of the store that keeps feedback"
    )
    pictures: Path = Field(
        # Never beside the notebook: what lies there, a notebook server hands out.
        user_data_path("imgcap") / "pictures",
        description="the folder of the pictures that visitors allow to be kept",
    )
    calibration: Path = Field(
        Path("data/calibration"),
        description="the folder of what feedback taught on how sure the models may be",
    )
    adapters: Path = Field(
        Path("data/adapters"),
        description="the folder of the adapters that were learned from feedback",
    )
    cache: Path = Field(
        user_cache_path("imgcap"),
        description="the folder of what is made again if it is lost, such as converted weights",
    )
    max_upload_mb: PositiveInt = Field(
        64, description="a whole number above 0: the largest accepted file, in 2**20 bytes"
    )
    max_pixels: PositiveInt = Field(
        64_200_000,  # a 64-megapixel telephone; at 8 bytes a pixel, opening one stays under 500 MB
        description="a whole number above 0: the largest accepted width x height",
    )
    serve_host: str = Field("127.0.0.1", description="where the inference service listens")
    serve_port: int = Field(8900, ge=1, le=65535, description="a port, 1 to 65535")
    serve_replicas: PositiveInt = Field(
        1, description="a whole number above 0: processes for each of the two models"
    )
    serve_cpus: float = Field(1, gt=0, description="a number above 0: the cores of a process")
    serve_gpus: float = Field(0, ge=0, description="a number: the GPUs of a process, or a part")
    serve_batch: PositiveInt = Field(
        8, description="a whole number above 0: the most pictures that are computed together"
    )
    serve_queue: PositiveInt = Field(
        64, description="a whole number above 0: the most requests that are taken in at a time"
    )
    serve_idle_s: float = Field(
        900, ge=0, description="a number: the idle seconds after which a model leaves memory, or 0"
    )
    log: Path = Field(Path("data/imgcap.log"), description="the file of the page's errors in full")
    data: Path = Field(
        _DATA,
        description="a folder that exists, with the label sets, samples and embedded models",
    )

    @field_validator("data")
    @classmethod
    def _exists(cls, folder: Path) -> Path:
        # The default may be missing, in an installation without the project's files: other models
        # and labels work there, and what needs the folder says so.
        if folder != _DATA and not folder.is_dir():
            raise ValueError("not a folder")
        return folder


def usable_settings() -> tuple[Settings, tuple[str, ...]]:
    """Read the environment, with the default for each variable that cannot be used.

    Returns
    -------
    Settings
        What can be used.
    tuple of str
        One sentence for each variable that cannot: which one, what it is, what it must be.
    """
    try:
        return Settings(), ()
    except ValidationError as error:
        wrong = {str(problem["loc"][0]): problem["input"] for problem in error.errors()}
    fields = Settings.model_fields
    defaults: dict[str, Any] = {name: fields[name].get_default() for name in wrong}
    problems = (
        f"IMGCAP_{name.upper()} is “{shown(given)}”, but must be {fields[name].description}."
        for name, given in wrong.items()
    )
    return Settings(**defaults), tuple(problems)


def shown(given: object) -> str:
    """Return a value as it may be repeated to a person: one short line, no password of a URL."""
    line = " ".join(str(given).split())
    start = line.partition(":")[0] + ":…" if "://" in line or "@" in line else line
    return start if len(start) <= _LONGEST_SHOWN else f"{start[:_LONGEST_SHOWN]}…"
