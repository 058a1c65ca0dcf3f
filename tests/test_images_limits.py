"""Pictures too large to open are refused before they are decoded; the largest take little."""

import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest

from imgcap.images import open_picture
from tests.opened import KINDS, assert_quarters, refused
from tests.picture_files import encode, png, png_chunk, quarters

pytestmark = pytest.mark.usefixtures("silent")


def test_size_limit_comes_before_decoding() -> None:
    data = KINDS["PNG"]
    open_picture(data, "x", max_bytes=len(data))
    assert "too large" in refused(data, max_bytes=len(data) - 1)
    assert "too large" in refused(b"no picture at all", max_bytes=5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_pixel_limit_is_exact(kind: str) -> None:
    open_picture(KINDS[kind], "x", max_pixels=48 * 32)
    assert "48 x 32 pixels" in refused(KINDS[kind], max_pixels=48 * 32 - 1)


def test_costly_kinds_are_accepted_up_to_less() -> None:
    assert "for this kind of WebP" in refused(KINDS["WebP"], max_pixels=48 * 32 * 2)
    assert "for this kind of JPEG" in refused(KINDS["progressive JPEG"], max_pixels=48 * 32)


def test_limits_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "100")
    assert "too large" in refused(KINDS["PNG"])
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "10000")
    monkeypatch.setenv("IMGCAP_MAX_UPLOAD_MB", "1")
    assert "at most 1 MB" in refused(KINDS["PNG"] + bytes(2**20))


@pytest.mark.parametrize(
    "data",
    [
        png(60_000, 60_000, bytes(1000)),
        png(2**31 - 1, 2**31 - 1, bytes(10)),
        png(65_536, 1, bytes(10)),
        png(1, 65_536, bytes(10)),
        b"GIF89a\xff\xff\xff\xff" + encode(quarters(), "GIF")[10:],
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xffVP8L\0\0\0\0",
    ],
)
def test_enormous_pictures_are_refused_by_their_header(data: bytes) -> None:
    assert "too large" in refused(data)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_packed_text_and_profiles_are_never_unpacked_whole(kind: bytes) -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    middle = b"\1\0\0\0" if kind == b"iTXt" else b"\0"
    chunk = png_chunk(kind, b"name\0" + middle + packed)
    data = KINDS["PNG"]
    assert_quarters(open_picture(data[:33] + chunk + data[33:], "x.png"))


WORST = """
import sys, time
from tests.picture_files import orientation_exif, png, png_chunk
from PIL import Image
from imgcap.images import open_picture, PictureError
import io, zlib
Image.MAX_IMAGE_PIXELS = None

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

def make(case):
    if case == "png":
        rows = zlib.compress(bytes((1 + 9248 * 8) * 6936), 1)
        parts = b"".join(png_chunk(b"IDAT", rows[n:n+256]) for n in range(0, len(rows), 256))
        exif = png_chunk(b"eXIf", orientation_exif(6)[6:])
        return png(9248, 6936, None, depth=16, colour=6, extra=exif + parts)
    if case == "row":
        extra = png_chunk(b"eXIf", orientation_exif(6)[6:])
        return png(65_535, 979, bytes((1 + 4 * 65_535) * 979), colour=6, extra=extra)
    kind, size, mode, options = {
        "jpeg": ("JPEG", (8192, 6104), "RGB", {"progressive": True, "subsampling": 0}),
        "cmyk": ("JPEG", (8192, 6104), "CMYK", {}),
        "webp": ("WEBP", (5800, 4400), "RGB", {"method": 0, "quality": 10}),
    }[case]
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, exif=orientation_exif(6), **options)
    return buffer.getvalue()

if sys.argv[1] == "make":
    sys.stdout.buffer.write(make(sys.argv[2]))
else:
    data = sys.stdin.buffer.read()
    before, start = peak(), time.process_time()
    picture = open_picture(data, "large")
    assert picture.height > picture.width
    print(peak() - before, time.process_time() - start)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("case", ["png", "row", "jpeg", "cmyk", "webp"])
def test_the_largest_pictures_take_under_500_mb_and_a_few_seconds(case: str) -> None:
    python = [sys.executable, "-c", textwrap.dedent(WORST)]
    root = Path(__file__).parent.parent
    made = subprocess.run([*python, "make", case], cwd=root, capture_output=True, check=True)
    run = subprocess.run(
        [*python, "open"], cwd=root, input=made.stdout, capture_output=True, check=True
    )
    assert run.stderr == b""
    megabytes, seconds = map(float, run.stdout.split())
    assert 150 < megabytes < 500
    assert seconds < 8
