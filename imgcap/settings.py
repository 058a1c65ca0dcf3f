"""Every setting of the app, with its default, in one place: read from ``IMGCAP_*`` variables."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a person can set, by ``IMGCAP_*`` environment variables or by keyword.

    Unknown keywords are refused with a ``pydantic.ValidationError``.
    """

    model_config = SettingsConfigDict(env_prefix="IMGCAP_", frozen=True, extra="forbid")

    engine: str = Field("local", description="`local`, or the http URL of an inference service")
    classifier: str = Field("embedded", description="`embedded`, a hub id, or a checkpoint folder")
    captioner: str = Field("embedded", description="`embedded`, a hub id, or a checkpoint folder")
    dtype: str = Field("auto", description="`auto`, `float32`, `bfloat16` or `float16`")
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `mps`")
    feedback: str = Field("csv:data/feedback.csv", description="where feedback is kept")
    max_upload_mb: PositiveInt = Field(64, description="largest accepted file, in 2**20 bytes")
    max_pixels: PositiveInt = Field(
        64_200_000,  # a 64-megapixel telephone; at 8 bytes a pixel, opening one stays under 500 MB
        description="largest accepted width x height",
    )
    pictures: Path = Field(
        user_data_path("imgcap", appauthor=False) / "pictures",  # served by no web server
        description="the folder of pictures that visitors allowed to be kept",
    )
    log: Path = Field(Path("data/imgcap.log"), description="the page's errors in full")
    data: Path = Field(
        Path(__file__).resolve().parent.parent / "data",
        description="the folder of label sets, samples and embedded models",
    )
