import tracemalloc
from typing import Any

import numpy as np
import pytest
import transformers
from PIL import Image

from imgcap.images import PictureError, open_picture
from imgcap.inference.pixels import prepare
from imgcap.reduction import ENOUGH, drafting, reduced, reduction
from tests.conftest import BuildCheckpoint
from tests.picture_files import encode, orientation_exif, quarters

KINDS = ["clip", "siglip", "siglip2", "align", "metaclip2", "blip", "git", "grid_captioner"]
SIZES = [(97, 61), (61, 97), (1, 1), (224, 224), (333, 777), (701, 601), (651, 851), (800, 400)]
ODD = {
    "no cut": {"do_center_crop": False},
    "padded": {"size": {"shortest_edge": 32}, "crop_size": 48},
    "lanczos": {"resample": Image.Resampling.LANCZOS},
    "bilinear": {"resample": Image.Resampling.BILINEAR},
    "not resized": {"do_resize": False, "crop_size": 48},
    "not normalised": {"do_normalize": False},
}


class Bare:
    """A processor that consists of an image processor."""

    def __init__(self, image_processor: Any) -> None:
        self.image_processor = image_processor

    def __call__(self, **given: Any) -> Any:
        return self.image_processor(**given)


def noise(width: int, height: int) -> Image.Image:
    levels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def assert_as_the_processor_does(processor: Any, images: list[Image.Image]) -> None:
    expected = processor(images=images, return_tensors="pt")
    found = prepare(processor, images)
    assert set(found) == set(expected)
    scale = getattr(processor.image_processor, "image_std", [1.0])
    level = 1 / 255 / min(scale)
    for name, values in found.items():
        assert values.shape == expected[name].shape
        assert values.dtype == expected[name].dtype
        difference = (values - expected[name]).abs().float()
        assert difference.max() < 2.01 * level
        assert difference.mean() < 0.01 * level


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_gets_what_its_own_processor_makes(checkpoint: BuildCheckpoint, kind: str) -> None:
    processor = transformers.AutoProcessor.from_pretrained(checkpoint(kind), backend="pil")
    assert_as_the_processor_does(processor, [noise(*size) for size in SIZES])


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_real_models(size: tuple[int, int]) -> None:
    for kind in (transformers.CLIPImageProcessorPil, transformers.BlipImageProcessorPil):
        assert_as_the_processor_does(Bare(kind()), [noise(*size)])


@pytest.mark.parametrize("odd", ODD)
def test_processors_that_do_something_else(odd: str) -> None:
    processor = Bare(transformers.CLIPImageProcessorPil(**ODD[odd]))
    assert_as_the_processor_does(processor, [noise(700, 600)])


@pytest.mark.parametrize("size", [(60_000, 2), (2, 60_000)])
def test_a_thread_of_a_picture_takes_no_gigabytes(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    tracemalloc.start()
    pixels = prepare(Bare(transformers.CLIPImageProcessorPil()), [image])["pixel_values"]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pixels.shape == (1, 3, 224, 224)
    assert pixels[0, 0].min() == pixels[0, 0].max() > pixels[0, 1].max()
    assert most < 10_000_000


@pytest.mark.parametrize(
    ("size", "by", "halved"),
    [
        ((4000, 3000), 4, 4),
        ((6000, 4000), 5, 4),
        ((4032, 3024), 4, 4),
        ((3000, 3000), 4, 4),
        ((1600, 1200), 1, 1),
        ((2000, 1441), 1, 1),
        ((2 * ENOUGH, 9 * ENOUGH), 2, 2),
        ((2 * ENOUGH - 2, 9 * ENOUGH), 1, 1),
        ((65_535, 3), 1, 1),
        ((1, 1), 1, 1),
    ],
)
def test_sides_are_divided_without_a_remainder_and_stay_long_enough(
    size: tuple[int, int], by: int, halved: int
) -> None:
    assert (reduction(size), drafting(size)) == (by, halved)
    assert (reduction(size[::-1]), drafting(size[::-1])) == (by, halved)


def test_a_large_picture_is_reduced_once_and_keeps_its_size() -> None:
    image = quarters(2 * ENOUGH, 2 * ENOUGH)
    picture = open_picture(encode(image, "PNG"), "large.png")
    assert picture.image.size == (picture.width, picture.height) == image.size
    assert picture.reduced.size == (ENOUGH, ENOUGH)
    assert picture.reduced is picture.reduced
    assert np.array_equal(picture.reduced, reduced(image))
    small = quarters()
    assert reduced(small) is small


PHOTOGRAPH = quarters(4 * ENOUGH, 3 * ENOUGH).resize((3 * ENOUGH, 2 * ENOUGH))
KINDS_OF_JPEG = {
    "plain": (PHOTOGRAPH, {}),
    "progressive": (PHOTOGRAPH, {"progressive": True}),
    "grey": (PHOTOGRAPH.convert("L"), {}),
    "CMYK": (PHOTOGRAPH.convert("CMYK"), {}),
    "on its side": (PHOTOGRAPH, {"exif": orientation_exif(6)}),
}


@pytest.mark.parametrize("kind", KINDS_OF_JPEG)
def test_a_large_jpeg_is_decoded_smaller_for_models(kind: str) -> None:
    image, options = KINDS_OF_JPEG[kind]
    file = encode(image, "JPEG", quality=92, **options)
    whole = open_picture(file, "photo.jpg")
    picture = open_picture(file, "photo.jpg", for_models=True)
    assert (picture.width, picture.height) == (whole.width, whole.height) == whole.image.size
    assert picture.image.size == (whole.width // 2, whole.height // 2)
    assert picture.reduced is picture.image
    assert (picture.sha256, picture.format) == (whole.sha256, "JPEG")
    difference = np.subtract(picture.image, whole.reduced, dtype=np.int16)
    assert np.abs(difference).mean() < 0.5


def test_what_cannot_be_decoded_smaller_is_decoded_as_it_is() -> None:
    for image, kind in ((PHOTOGRAPH, "PNG"), (noise(2 * ENOUGH + 1, 2 * ENOUGH), "JPEG")):
        picture = open_picture(encode(image, kind), "x", for_models=True)
        assert picture.image.size == (picture.width, picture.height) == image.size


def test_a_cut_jpeg_is_refused_at_any_size() -> None:
    file = encode(PHOTOGRAPH, "JPEG")
    for tenth in (2, 5, 9):
        with pytest.raises(PictureError, match="damaged or incomplete"):
            open_picture(file[: len(file) * tenth // 10], "cut.jpg", for_models=True)
