import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageSequence, IptcImagePlugin, PngImagePlugin

from imgcap.alt_text import AltTextError, with_alt_text, writer
from imgcap.containers import read_container
from imgcap.images import open_picture
from tests.picture_files import RED, after_start, encode, every_kind, jpeg_segment, quarters

TEXTS = {
    "plain": "a cat on a sofa",
    "emoji": "caf\u00e9 \U0001f469\u200d\U0001f680 \u732b \u0645\u0631\u062d\u0628\u0627",
    "lines": "one line\nanother\tline",
    "html": "<script>alert(1)</script> & \"quotes\" 'too' &lt; ]]> <?xpacket end?>",
    "syntax": 'lang="de" Hund',
    "long": "a long way \u00e9 \n" * 700 + "b" * 900,
}
DESCRIPTION, ORIENTATION, ARTIST, MAKER = 0x010E, 0x0112, 0x013B, 0x010F
FILES = {kind: file for kind, file in every_kind().items() if kind != "GIF"}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def picture(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def frames(file: bytes) -> list[bytes]:
    return [frame.convert("RGBA").tobytes() for frame in ImageSequence.Iterator(picture(file))]


def exif(file: bytes) -> dict[int, Any]:
    """Return EXIF as Pillow reads it, and its text as the UTF-8 that everybody writes."""
    tags = dict(picture(file).getexif())
    return {
        tag: value.encode("latin-1").decode() if isinstance(value, str) else value
        for tag, value in tags.items()
    }


def xmp(file: bytes, name: str) -> dict[str, str]:
    """Return an XMP property's texts by language, as Pillow reads them."""
    descriptions = picture(file).getxmp()["xmpmeta"]["RDF"]["Description"]
    for description in descriptions if isinstance(descriptions, list) else [descriptions]:
        if name in description:
            items = description[name]["Alt"]["li"]
            items = items if isinstance(items, list) else [items]
            return {item["lang"]: item["text"] for item in items}
    return {}


def iptc(file: bytes) -> dict[tuple[int, int], Any]:
    return dict(IptcImagePlugin.getiptcinfo(picture(file)) or {})


def iptc_field(record: int, number: int, content: bytes) -> bytes:
    return bytes([0x1C, record, number]) + len(content).to_bytes(2, "big") + content


def with_iptc(*fields: bytes) -> bytes:
    block = b"".join(fields)
    resource = (
        b"8BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + block + b"\0" * (len(block) & 1)
    )
    segment = jpeg_segment(0xED, b"Photoshop 3.0\0" + resource)
    return after_start(FILES["JPEG"], segment)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("kind", FILES)
def test_other_programs_read_the_text_and_the_picture_is_untouched(kind: str, text: str) -> None:
    file = FILES[kind]
    copy = with_alt_text(file, text, "cat")
    assert xmp(copy, "AltTextAccessibility") == {"x-default": text}
    assert xmp(copy, "description") == {"x-default": text}
    assert exif(copy)[DESCRIPTION] == text
    if "JPEG" in kind:
        found = iptc(copy)
        assert found[1, 90] == b"\x1b%G"
        assert found[2, 120] == text.encode()[:2000].decode(errors="ignore").encode()
    assert frames(copy) == frames(file)
    assert picture(copy).format == picture(file).format
    if "WebP" not in kind:
        pieces = [b"".join(read_container(each).pieces) for each in (file, copy)]
        assert pieces[0] == pieces[1]
    assert open_picture(copy, "cat").image.tobytes() == open_picture(file, "cat").image.tobytes()


def test_a_second_text_takes_the_place_of_the_first() -> None:
    for file in FILES.values():
        copy = with_alt_text(with_alt_text(file, "a dog", "x"), "a cat", "x")
        assert exif(copy)[DESCRIPTION] == "a cat"
        assert xmp(copy, "AltTextAccessibility") == {"x-default": "a cat"}
        assert b"a dog" not in copy


def test_what_else_is_known_of_a_photograph_stays() -> None:
    tags = Image.Exif()
    tags[ORIENTATION], tags[ARTIST], tags[MAKER] = 6, "Zoe", "Camera"
    tags.get_ifd(0x8825)[1] = "N"
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description '
        'rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:own="https://example.org/" own:thing="kept"><dc:description><rdf:Alt>'
        '<rdf:li xml:lang="x-default">old</rdf:li><rdf:li xml:lang="de">Katze</rdf:li>'
        "</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        more = {"xmp": packet.encode(), "icc_profile": profile, "comment": "hello"}
        file = encode(quarters(), kind, exif=tags, pnginfo=chunks, **more)
        copy = with_alt_text(file, "a cat", "x")
        found = exif(copy)
        assert (found[ORIENTATION], found[ARTIST], found[MAKER]) == (6, "Zoe", "Camera")
        assert picture(copy).getexif().get_ifd(0x8825)[1] == "N"
        assert picture(copy).info["icc_profile"] == profile
        assert b"kept" in picture(copy).info["xmp"]
        assert xmp(copy, "description") == {"x-default": "a cat", "de": "Katze"}
        assert open_picture(copy, "x").image.size == (32, 48)
        if kind == "JPEG":
            assert picture(copy).info["comment"].rstrip(b"\0") == b"hello"  # Exiv2 ends it


def test_text_chunks_and_frames_of_an_animation_stay() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Author", "somebody")
    chunks.add_itxt("Title", "caf\u00e9")
    images = [quarters(), Image.new("RGB", (48, 32), RED), quarters().rotate(180)]
    animation = {"save_all": True, "append_images": images[1:], "duration": 50}
    png = encode(images[0], "PNG", pnginfo=chunks, **animation)
    copy = with_alt_text(png, "a cat", "x")
    assert picture(copy).info["Author"] == "somebody"
    assert picture(copy).info["Title"] == "caf\u00e9"
    assert frames(copy) == frames(png)
    assert len(frames(copy)) == 3
    for options in ({}, {"lossless": True}):
        webp = encode(images[0].convert("RGBA"), "WEBP", **options, **animation)
        assert frames(with_alt_text(webp, "a cat", "x")) == frames(webp)


def test_iptc_in_an_older_encoding_can_still_be_read_beside_the_new() -> None:
    file = with_iptc(
        iptc_field(2, 25, b"k1"), iptc_field(2, 25, b"k2"), iptc_field(2, 80, b"Jos\xe9")
    )
    found = iptc(with_alt_text(file, "caf\u00e9", "x"))
    assert found[1, 90] == b"\x1b%G"
    assert found[2, 80] == "Jos\u00e9".encode()
    assert found[2, 25] == [b"k1", b"k2"]
    assert found[2, 120] == "caf\u00e9".encode()


def test_what_follows_the_picture_stays() -> None:
    file = FILES["JPEG"] + b"a film that a telephone puts behind its photograph"
    assert with_alt_text(file, "a cat", "x").endswith(b"its photograph")


def test_what_no_file_can_hold_is_replaced() -> None:
    copy = with_alt_text(FILES["JPEG"], " a\0b\x07c\ud83d\r\nd\ufffe ", "x")
    assert exif(copy)[DESCRIPTION] == "a\ufffdb\ufffdc\ufffd\nd\ufffd"
    assert xmp(copy, "AltTextAccessibility")["x-default"] == "a\ufffdb\ufffdc\ufffd\nd\ufffd"


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        (every_kind()["GIF"], "a cat", "no place for alt text"),
        (FILES["JPEG"], " \n ", "no text to write"),
        (FILES["JPEG"], "\U0001f600" * 10_000, "too long"),
        (FILES["JPEG"][:200], "a cat", "damaged"),
        (b"%PDF-1.7", "a cat", "no picture"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(file: bytes, text: str, words: str) -> None:
    with pytest.raises(AltTextError, match=words) as caught:
        with_alt_text(file, text, "<b>\x1b[2J.jpg")
    assert str(caught.value).isprintable()


def test_a_longer_text_fits_where_the_format_has_room() -> None:
    text = "\U0001f600" * 10_000
    for kind in ("PNG", "WebP"):
        assert (
            xmp(with_alt_text(FILES[kind], text, "x"), "AltTextAccessibility")["x-default"] == text
        )


def test_no_copy_is_made_that_would_lose_metadata() -> None:
    tags = Image.Exif()
    tags[MAKER] = "m" * 60_000
    file = encode(quarters(), "JPEG", exif=tags)
    with pytest.raises(AltTextError, match=r"lost|too long"):
        with_alt_text(file, "a cat " * 1_500, "x")


@pytest.mark.parametrize(
    "file",
    [
        encode(quarters(), "JPEG", xmp=b"<x:xmpmeta><torn"),
        encode(quarters(), "WEBP", xmp=b"<x:xmpmeta><torn"),
        with_iptc(iptc_field(2, 25, b"abc")[:-2]),
        after_start(
            FILES["JPEG"], jpeg_segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"x" * 40)
        ),
        after_start(FILES["JPEG"], jpeg_segment(0xE1, b"Exif\0\0nonsense")),
    ],
    ids=["xmp", "xmp in webp", "iptc", "exif", "exif without a head"],
)
def test_metadata_that_cannot_be_read_is_not_thrown_away(file: bytes) -> None:
    with pytest.raises(AltTextError, match=r"lost|cannot be read"):
        with_alt_text(file, "a cat", "x")


def test_a_crash_is_a_sentence_and_ends_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(writer, "__file__", str(crash))
    with pytest.raises(AltTextError, match="cannot be read"):
        with_alt_text(FILES["JPEG"], "a cat", "x")


def test_a_copy_whose_picture_differs_is_not_handed_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(encode(quarters().rotate(180), "JPEG"))
    liar = tmp_path / "liar.py"
    liar.write_text(f"import sys\nsys.stdout.buffer.write(open({str(other)!r}, 'rb').read())\n")
    monkeypatch.setattr(writer, "__file__", str(liar))
    with pytest.raises(AltTextError, match="its picture would have changed"):
        with_alt_text(FILES["JPEG"], "a cat", "x")


def test_without_the_package_the_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "exiv2", None)
    with pytest.raises(AltTextError, match=r"pip install 'imgcap\[alt-text\]'"):
        with_alt_text(FILES["JPEG"], "a cat", "x")


def test_the_parser_stays_out_of_this_process() -> None:
    code = (
        "import sys; from imgcap.alt_text import with_alt_text; "
        "copy = with_alt_text(open(sys.argv[1], 'rb').read(), 'a cat', 'x'); "
        "assert b'a cat' in copy; sys.exit('exiv2' in sys.modules)"
    )
    sample = Path(__file__).parent.parent / "data" / "samples" / "cat.jpg"
    subprocess.run([sys.executable, "-c", code, sample], check=True, env=os.environ)
