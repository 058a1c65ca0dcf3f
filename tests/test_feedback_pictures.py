import hashlib
import re
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from imgcap.containers import sniff_format
from imgcap.feedback import FeedbackError
from imgcap.feedback.pictures import PictureFolder
from imgcap.images import open_picture
from imgcap.settings import Settings
from tests.disks import as_nobody, full_disk
from tests.picture_files import (
    after_start,
    encode,
    every_kind,
    jpeg_segment,
    orientation_exif,
    png,
    png_chunk,
    quarters,
)

SECRET = b"anna@example.org, 3rd floor"
SAMPLES = sorted((Settings().data / "samples").glob("*.jpg"))


@pytest.fixture
def folder(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "pictures")


def private_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()  # the camera's make
    exif[0x9286] = SECRET.decode()
    position = exif.get_ifd(0x8825)
    position[1], position[2] = "N", (48.0, 51.0, 29.5)
    position[29] = SECRET.decode()
    return exif.tobytes()


def profile() -> bytes:
    """Build a colour profile that changes what is seen, as a camera's does."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def swapped_rgb() -> bytes:
    """An sRGB profile whose red and green primaries are exchanged."""
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(struct.unpack_from(">I", icc, 128)[0]):
        entry = 132 + 12 * number
        names = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
        icc[entry : entry + 4] = names.get(bytes(icc[entry : entry + 4]), icc[entry : entry + 4])
    return bytes(icc).replace(b"s\0R\0G\0B\0 ", b"t\0R\0G\0B\0 ")


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(open_picture(data, "it").image)


def private_files() -> dict[str, bytes]:
    """Files that tell more than their pixels, each in another way."""
    image, text = quarters(), PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    exif, xmp = private_exif(), b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    jpeg = encode(image, "JPEG", quality=95)
    thumbnail = b"JFIF\0\x01\x02\0\0\x48\0\x48\3\3" + SECRET
    frames = [image.rotate(90), image.rotate(180)]
    sequence = {"save_all": True, "append_images": frames, "duration": 50}
    return {
        "JPEG with EXIF, XMP and comment": encode(
            image, "JPEG", exif=exif, xmp=xmp, comment=SECRET, dpi=(72, 72)
        ),
        "JPEG on its side": encode(image, "JPEG", exif=private_exif(6)),
        "JPEG mirrored": encode(image, "JPEG", exif=private_exif(7), progressive=True),
        "JPEG with profile": encode(image, "JPEG", icc_profile=swapped_rgb(), exif=exif),
        "JPEG with a profile for something else": encode(image, "JPEG", icc_profile=profile()),
        "JPEG with a thumbnail": jpeg[:2] + jpeg_segment(0xE0, thumbnail) + jpeg[20:],
        "JPEG with data behind it": jpeg + SECRET,
        "JPEG with an unheard-of segment": after_start(jpeg, jpeg_segment(0xEB, SECRET)),
        "CMYK JPEG": encode(image.convert("CMYK"), "JPEG", exif=exif),
        "CMYK JPEG with a long Adobe segment": re.sub(
            rb"\xff\xee\0\x0e(Adobe.{7})",
            lambda found: jpeg_segment(0xEE, found[1] + SECRET),
            encode(image.convert("CMYK"), "JPEG"),
            flags=re.DOTALL,
        ),
        "grey JPEG": encode(image.convert("L"), "JPEG", comment=SECRET),
        "PNG with text": encode(image, "PNG", pnginfo=text, exif=exif),
        "PNG on its side": encode(image, "PNG", exif=private_exif(8), pnginfo=text),
        "PNG with profile": encode(image, "PNG", icc_profile=swapped_rgb()),
        "PNG with transparency": encode(image.convert("RGBA").rotate(9), "PNG", pnginfo=text),
        "PNG with a palette": encode(image.quantize(), "PNG", pnginfo=text, transparency=1),
        "PNG with 16 bits and a transparent colour": png(
            1,
            1,
            b"\0" + b"\x12\x34" * 3,
            depth=16,
            extra=png_chunk(b"tRNS", b"\x12\x34" * 3) + png_chunk(b"tEXt", b"a\0" + SECRET),
        ),
        "PNG with 2 bits and a transparent grey": png(
            4, 1, b"\0\x1b", depth=2, colour=0, extra=png_chunk(b"tRNS", b"\0\1")
        ),
        "PNG in motion": encode(image, "PNG", **sequence),
        "WebP with EXIF and XMP": encode(image, "WEBP", exif=exif, xmp=xmp),
        "WebP on its side": encode(image, "WEBP", exif=private_exif(3)),
        "WebP with transparency": encode(image.convert("RGBA").rotate(9), "WEBP", xmp=xmp),
        "WebP with profile": encode(image, "WEBP", icc_profile=swapped_rgb(), lossless=True),
        "WebP in motion": encode(image, "WEBP", exif=exif, **sequence),
        "GIF with a comment": encode(image, "GIF", comment=SECRET),
        "GIF in motion": encode(image, "GIF", comment=SECRET, **sequence),
    }


FILES = every_kind() | private_files()


@pytest.mark.parametrize("name", FILES)
def test_a_kept_picture_shows_the_same_pixels_and_tells_nothing_else(
    folder: PictureFolder, name: str
) -> None:
    sha256 = folder.keep(FILES[name])
    kept = folder.open(sha256)
    assert np.array_equal(pixels(kept), pixels(FILES[name]))
    assert SECRET not in kept
    assert b"xmpmeta" not in kept
    shown = Image.open(BytesIO(kept))
    assert set(shown.getexif()) <= {0x0112}  # the orientation
    assert not {"comment", "xmp", "XML:com.adobe.xmp", "Comment"} & set(shown.info)
    assert getattr(shown, "n_frames", 1) == 1
    assert folder.keep(kept) == sha256 == hashlib.sha256(kept).hexdigest()


def test_each_of_these_files_told_something_before() -> None:
    """A file that hides nothing would show nothing above."""
    silent = {name for name, data in private_files().items() if SECRET not in data}
    assert silent == {
        "JPEG with a profile for something else",
        "PNG with 2 bits and a transparent grey",
        "PNG with profile",
        "WebP with profile",
        "PNG in motion",
    }
    swapped, plain = FILES["PNG with profile"], FILES["PNG"]
    assert not np.array_equal(pixels(swapped), pixels(plain))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photograph_stays_a_jpeg_and_loses_where_it_was_taken(
    folder: PictureFolder, sample: Path, orientation: int
) -> None:
    original = sample.read_bytes()
    told = after_start(original, jpeg_segment(0xE1, private_exif(orientation)))
    kept = folder.open(folder.keep(told))
    assert SECRET in told
    assert SECRET not in kept
    assert np.array_equal(pixels(kept), pixels(told))
    assert sniff_format(kept) == "JPEG"
    assert len(kept) < len(told)
    assert not Image.open(BytesIO(kept)).getexif().get_ifd(0x8825)


def test_every_orientation_is_kept(folder: PictureFolder) -> None:
    seen = set()
    for orientation in range(1, 9):
        data = after_start(FILES["JPEG"], jpeg_segment(0xE1, orientation_exif(orientation)))
        sha256 = folder.keep(data)
        assert np.array_equal(pixels(folder.open(sha256)), pixels(data))
        seen.add(sha256)
    assert len(seen) == 8


def test_a_picture_is_kept_once_and_only_for_its_owner(folder: PictureFolder) -> None:
    one, two = folder.keep(FILES["PNG"]), folder.keep(FILES["PNG"])
    assert one == two
    assert one in folder
    files = [path for path in folder.folder.rglob("*") if path.is_file()]
    assert files == [folder.path(one)]
    assert files[0].suffix == ".png"
    assert [folder.folder.stat().st_mode & 0o777, files[0].parent.stat().st_mode & 0o777] == [
        0o700,
        0o700,
    ]


def test_a_deleted_picture_is_gone(folder: PictureFolder) -> None:
    one, two = folder.keep(FILES["PNG"]), folder.keep(FILES["JPEG"])
    assert folder.delete(one)
    assert one not in folder
    assert two in folder
    assert not folder.delete(one)
    with pytest.raises(FeedbackError, match="not among those that were kept"):
        folder.open(one)


@pytest.mark.parametrize(
    "name", ["", "0" * 63, "../" * 20 + "etc/passwd", "Z" * 64, "a" * 64 + "\n", "a" * 64]
)
def test_what_names_no_kept_picture_is_not_found(folder: PictureFolder, name: str) -> None:
    folder.keep(FILES["PNG"])
    assert name not in folder
    assert not folder.delete(name)
    with pytest.raises(FeedbackError):
        folder.path(name)


def test_a_damaged_picture_is_told_and_kept_anew(folder: PictureFolder) -> None:
    sha256 = folder.keep(FILES["PNG"])
    folder.path(sha256).write_bytes(FILES["PNG"][:-20])
    with pytest.raises(FeedbackError, match="damaged"):
        folder.open(sha256)
    assert folder.keep(FILES["PNG"]) == sha256
    assert np.array_equal(pixels(folder.open(sha256)), pixels(FILES["PNG"]))


@pytest.mark.parametrize("data", [b"", b"<script>", FILES["PNG"][:-30], FILES["JPEG"][:200]])
def test_what_is_no_picture_is_not_kept(folder: PictureFolder, data: bytes) -> None:
    with pytest.raises(FeedbackError, match=r"“holiday\.png”"):
        folder.keep(data, "holiday.png")
    assert not folder.folder.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = PictureFolder(tmp_path / "file" / "pictures")
    with pytest.raises(
        FeedbackError, match=r"^The picture could not be kept: .*file/pictures.*\.$"
    ):
        folder.keep(FILES["PNG"])


def test_a_full_disk_leaves_no_part_of_a_picture(folder: PictureFolder) -> None:
    sha256 = folder.keep(FILES["PNG"])
    with full_disk(100), pytest.raises(FeedbackError, match="no room left on the disk"):
        folder.keep(SAMPLES[0].read_bytes())
    assert [path for path in folder.folder.rglob("*") if path.is_file()] == [folder.path(sha256)]


def test_a_read_only_folder_is_told() -> None:
    with as_nobody() as place:
        folder = PictureFolder(place)
        place.chmod(0o500)
        with pytest.raises(FeedbackError, match="this program may not open"):
            folder.keep(FILES["PNG"])
