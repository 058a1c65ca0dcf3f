"""Edits do what Pillow does, fit any picture or say why not, and come back from plain values."""

import json
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from imgcap.edits import (
    MAX_EDITS,
    AutoContrast,
    Brightness,
    Contrast,
    Crop,
    Edit,
    EditError,
    Flip,
    History,
    Resize,
    Rotate,
    Saturation,
    Turn,
    adjusted,
    apply,
    current,
    edit_from,
    edits_from,
    size_after,
)
from imgcap.edits.reduced import reduced, reduction
from imgcap.feedback import FeedbackRecord
from imgcap.images import MAX_SIDE

LANCZOS = Image.Resampling.LANCZOS
BICUBIC = Image.Resampling.BICUBIC


def scene(width: int = 83, height: int = 57, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(20, 220, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def equal(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode == "RGB" and np.array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize(
    ("edit", "directly"),
    [
        (Crop(5, 7, 40, 30), lambda i: i.crop((5, 7, 45, 37))),
        (Turn(1), lambda i: i.rotate(-90, expand=True)),
        (Turn(2), lambda i: i.rotate(180)),
        (Turn(3), lambda i: i.rotate(90, expand=True)),
        (Flip("horizontal"), ImageOps.mirror),
        (Flip("vertical"), ImageOps.flip),
        (Rotate(17.5), lambda i: i.rotate(-17.5, BICUBIC, expand=True, fillcolor="white")),
        (Rotate(-90), lambda i: i.rotate(90, expand=True)),
        (Resize(31, 90), lambda i: i.resize((31, 90), LANCZOS)),
        (Resize(30, 30, "fit"), lambda i: ImageOps.contain(i, (30, 30), LANCZOS)),
        (Resize(300, 40, "fit"), lambda i: ImageOps.contain(i, (300, 40), LANCZOS)),
        (Resize(30, 50, "fill"), lambda i: ImageOps.fit(i, (30, 50), LANCZOS)),
        (Brightness(1.7), lambda i: ImageEnhance.Brightness(i).enhance(1.7)),
        (Brightness(0.4), lambda i: ImageEnhance.Brightness(i).enhance(0.4)),
        (Contrast(1.6), lambda i: ImageEnhance.Contrast(i).enhance(1.6)),
        (Saturation(0.3), lambda i: ImageEnhance.Color(i).enhance(0.3)),
        (AutoContrast(), ImageOps.autocontrast),
    ],
    ids=lambda part: "" if callable(part) else str(part),
)
@pytest.mark.parametrize("size", [(83, 57), (700, 900)], ids=["one strip", "several strips"])
def test_an_edit_does_what_pillow_does(
    edit: Edit, directly: Callable[[Image.Image], Image.Image], size: tuple[int, int]
) -> None:
    image = scene(*size)
    before = image.copy()
    assert equal(apply(image, [edit]), directly(before))
    assert equal(image, before), "the picture that is given stays as it is"


def test_edits_are_done_in_order() -> None:
    image = scene()
    done = apply(image, [Crop(0, 0, 40, 20), Turn(1), Crop(0, 0, 20, 10)])
    assert equal(done, image.crop((0, 0, 10, 20)).rotate(-90, expand=True))
    assert done.size == (20, 10)


def test_quarter_turns_and_flips_lose_nothing() -> None:
    image = scene()
    there_and_back = [Turn(1), Flip("vertical"), Turn(2), Flip("vertical"), Turn(1)]
    assert equal(apply(image, there_and_back), image)
    assert apply(image, []) is image


def test_corners_are_white_or_of_the_nearest_colour() -> None:
    image = Image.new("RGB", (60, 40), "red")
    image.paste("blue", (0, 20, 60, 40))
    white = apply(image, [Rotate(30)])
    filled = apply(image, [Rotate(30, "edge")])
    assert white.getpixel((0, 0)) == (255, 255, 255)
    width, height = filled.size
    assert {filled.getpixel((0, 0)), filled.getpixel((width - 1, 0))} == {(255, 0, 0)}
    assert {filled.getpixel((0, height - 1)), filled.getpixel((width - 1, height - 1))} == {
        (0, 0, 255)
    }
    seen = np.asarray(white)
    inside = (seen != 255).any(-1)
    assert np.array_equal(np.asarray(filled)[inside], seen[inside]), "the picture is the same"


edits = st.one_of(
    st.builds(Crop, *[st.integers(0, 30)] * 2, *[st.integers(1, 60)] * 2),
    st.builds(Turn, st.integers(1, 3)),
    st.builds(Rotate, st.floats(-180, 180), st.sampled_from(["white", "edge"])),
    st.builds(Flip, st.sampled_from(["horizontal", "vertical"])),
    st.builds(
        Resize,
        *[st.integers(1, 120)] * 2,
        st.sampled_from(["stretch", "fit", "fill"]),
    ),
    st.builds(Brightness, st.floats(0, 4)),
    st.builds(Contrast, st.floats(0, 4)),
    st.builds(Saturation, st.floats(0, 4)),
    st.just(AutoContrast()),
)


@settings(deadline=None)
@given(st.lists(edits, max_size=5), st.integers(1, 70), st.integers(1, 70))
def test_the_size_is_known_before_and_the_values_come_back(
    done: list[Edit], width: int, height: int
) -> None:
    image = scene(width, height)
    try:
        size = size_after(done, image.size)
    except EditError:
        with pytest.raises(EditError, match=r"pixels\.$"):
            apply(image, done)
        return
    result = apply(image, done)
    assert result.size == size
    record = FeedbackRecord(rating=3, edits=tuple(edit.as_dict() for edit in done))
    kept = json.loads(record.model_dump_json())["edits"]
    assert edits_from(kept) == tuple(done)
    assert equal(apply(image, edits_from(kept)), result)
    assert all(edit.words for edit in done)


@settings(deadline=None)
@given(st.lists(edits, max_size=6), st.integers(1, 400), st.integers(1, 400))
def test_a_quick_look_has_about_the_shape_of_the_whole(
    done: list[Edit], width: int, height: int
) -> None:
    try:
        size_after(done, (width, height))
    except EditError:
        return
    image = scene(width, height)
    factor = reduction(done, image.size, 64)
    small = image.reduce(factor)
    look = apply(small, reduced(done, image.size, small.size))
    assert max(look.size) <= 1000


def test_a_quick_look_shows_what_the_whole_does_with_fewer_pixels() -> None:
    steps = np.linspace(0, 255, 2_000, dtype=np.uint8)
    image = Image.merge(
        "RGB",
        [
            Image.fromarray(np.tile(steps, (1_500, 1))),
            Image.fromarray(np.tile(steps[:1_500, None], (1, 2_000))),
            Image.new("L", (2_000, 1_500), 60),
        ],
    )
    done = (Resize(1_000, 1_000, "fill"), Turn(1), Crop(100, 300, 600, 500), Brightness(1.2))
    whole = apply(image, done)
    assert reduction(done, image.size, 200) == 4
    small = image.reduce(4)
    look = apply(small, reduced(done, image.size, small.size))
    assert max(look.size) < 300
    near = np.asarray(whole.resize(look.size)).astype(int) - np.asarray(look)
    assert np.abs(near).max() < 8


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Crop(-1, 0, 5, 5), "The left edge of the crop must be a whole number, at least 0"),
        (lambda: Crop(0, 0, 0, 5), "The width of the crop must be a whole number, at least 1."),
        (lambda: Crop(0, 0, 1.5, 5), "The width of the crop must be"),  # type: ignore[arg-type]
        (lambda: Crop("0", 0, 1, 5), "The left edge"),  # type: ignore[arg-type]
        (lambda: Turn(4), "The number of quarter turns must be a number from 1 to 3."),
        (lambda: Rotate(float("nan")), "The angle must be a number from -180 to 180."),
        (lambda: Rotate(181), "The angle"),
        (lambda: Rotate(5, "pink"), "must be white or edge."),  # type: ignore[arg-type]
        (lambda: Flip("<b>"), "must be horizontal or vertical."),  # type: ignore[arg-type]
        (lambda: Resize(0, 5), "The width must be a whole number, at least 1."),
        (lambda: Resize(5, 10**9), "The height must be a number from 1 to"),
        (lambda: Resize(5, 5, "melt"), "must be stretch, fit or fill."),  # type: ignore[arg-type]
        (lambda: Brightness(float("inf")), "The brightness must be a number from 0 to 4."),
        (lambda: Contrast(-1), "The contrast must be a number from 0 to 4."),
        (lambda: Saturation("1"), "The saturation"),  # type: ignore[arg-type]
        (lambda: edit_from({}), "an edit of a kind that this program does not know."),
        (lambda: edit_from({"edit": ["crop"]}), "of a kind"),
        (lambda: edit_from({"edit": "crop", "left": 1}), "with other parameters"),
        (lambda: edit_from({"edit": "turn", "quarters": "1"}), "The number of quarter turns"),
    ],
)
def test_what_is_no_edit_is_refused(make: Callable[[], Edit], sentence: str) -> None:
    with pytest.raises(EditError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        ([Crop(40, 0, 50, 10)], "beyond the picture, which has 83 x 57 pixels."),
        ([Turn(1), Crop(0, 0, 60, 10)], "beyond the picture, which has 57 x 83 pixels."),
        ([Resize(5_000, 3_000)], "at most 10.0 megapixels"),
        ([Resize(MAX_SIDE, 2), Rotate(45)], "at most 10.0 megapixels"),
        ([Resize(MAX_SIDE, 2), Rotate(0.001)], "larger than 65,535 pixels to a side."),
        ([Turn(1)] * (MAX_EDITS + 1), "in 200 steps at most."),
    ],
)
def test_what_does_not_fit_the_picture_is_refused_before_work(
    done: list[Edit], sentence: str
) -> None:
    with pytest.raises(EditError, match=sentence):
        apply(scene(), done, max_pixels=10_000_000)


def test_from_tall_to_wide_takes_no_memory_between() -> None:
    tall = Image.new("RGB", (10, 60_000), "teal")  # Pillow alone would take 14 GB for a moment
    assert apply(tall, [Resize(60_000, 10)]).getcolors() == [(600_000, (0, 128, 128))]
    assert apply(tall, [Resize(5_000, 5_000, "fit")]).size == (1, 5_000)


def test_corners_of_a_large_picture_are_filled_without_a_copy_of_it() -> None:
    image = Image.new("RGB", (3_000, 2_000), "teal")
    tracemalloc.start()
    apply(image, [Rotate(10, "edge")])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000_000


def test_a_slider_changes_its_edit_where_it_stands() -> None:
    done = adjusted(adjusted((), Brightness(1.2)), Crop(0, 0, 5, 5))
    assert adjusted(done, Brightness(1.4)) == (Brightness(1.4), Crop(0, 0, 5, 5))
    assert adjusted(done, Brightness(1)) == (Crop(0, 0, 5, 5),)
    assert adjusted(done, Contrast(1)) == done
    assert current(done, Brightness) == Brightness(1.2)


def test_a_rotation_before_a_crop_is_left_alone() -> None:
    done = (Rotate(5), Brightness(1.2))
    assert adjusted(done, Rotate(7)) == (Rotate(7), Brightness(1.2))
    cropped = (*done, Crop(0, 0, 5, 5))
    assert current(cropped, Rotate) is None
    assert adjusted(cropped, Rotate(7)) == (*cropped, Rotate(7))


def test_undo_redo_and_reset() -> None:
    history = History().do(Turn(1)).do(Flip("vertical"))
    assert history.undo().present == (Turn(1),)
    assert history.undo().undo().undo().present == ()
    assert history.undo().redo() == history
    assert history.redo() is history
    assert history.undo().do(Turn(2)).redo().present == (Turn(1), Turn(2)), "nothing to redo"
    assert history.reset().present == ()
    assert history.reset().undo().present == history.present
    assert History().reset() == History()


def test_moves_of_one_slider_are_one_step() -> None:
    history = History().do(Turn(1)).do(Brightness(1.1)).do(Brightness(1.2)).do(Brightness(1.3))
    assert history.present == (Turn(1), Brightness(1.3))
    assert history.undo().present == (Turn(1),)
    assert history.do(Brightness(1)).undo().present == (), "moved back: as if never moved"
    apart = history.do(Contrast(2)).do(Brightness(1.5))
    assert apart.present == (Turn(1), Brightness(1.5), Contrast(2))
    assert apart.undo().present == (Turn(1), Brightness(1.3), Contrast(2))
    again = history.undo().redo().do(Brightness(1.6))
    assert again.undo().present == (Turn(1), Brightness(1.3))
