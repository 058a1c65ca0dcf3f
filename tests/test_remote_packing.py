"""Pictures on their way to a service: smaller, and the same to a model."""

import numpy as np
import pytest
from PIL import Image

from imgcap.images import open_picture
from imgcap.remote.packing import packed
from imgcap.settings import Settings


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("size", [(400, 300), (16_400, 20)])  # WebP has no sides as long as that
def test_pixels_travel_without_loss(size: tuple[int, int]) -> None:
    image = noise(*size)
    arrived = open_picture(packed(image, 2**21, 10**6), "noise")
    assert np.array_equal(np.asarray(arrived.image), np.asarray(image))


@pytest.mark.parametrize("limits", [(100_000, 10**6), (2**20, 30_000)])
def test_a_picture_that_is_too_large_is_made_smaller(limits: tuple[int, int]) -> None:
    most_bytes, most_pixels = limits
    file = packed(noise(400, 300), most_bytes, most_pixels)
    smaller = open_picture(file, "noise", max_bytes=most_bytes, max_pixels=most_pixels)
    assert smaller.width / smaller.height == pytest.approx(4 / 3, rel=0.02)
    assert smaller.width * smaller.height > 0.9 * min(most_bytes / 3.01, most_pixels)


def test_a_model_sees_the_same_of_a_large_photograph() -> None:
    with Image.open(Settings().data / "samples" / "pagoda.jpg") as sample:
        photograph = sample.resize((2100, 1401), Image.Resampling.BICUBIC)
    file = packed(photograph, 2**26, 10**8)
    arrived = open_picture(file, "pagoda").image
    assert min(arrived.size) == 768
    assert len(file) < 2**20
    seen, meant = (
        np.asarray(image.resize((384, 384), Image.Resampling.BICUBIC), int)
        for image in (arrived, photograph)
    )
    assert np.abs(seen - meant).max() <= 3
