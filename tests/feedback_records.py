"""Records that hold whatever a person, a browser or an attacker can put into them."""

from datetime import UTC

from hypothesis import strategies as st

from imgcap.feedback import FeedbackRecord
from imgcap.inference.results import Prediction

AWKWARD = st.sampled_from(
    [
        "\x00",
        "\ud83d\ude00",  # the halves of an emoji, not the emoji
        "\\u{d83d}\\\\u{0}",
        "=1+1;\t@A1",
        "'=\r\n'",
        '","\r\n"',
        '</script><img src=x onerror="alert(1)">',
        " \u2028\u2029\x85\ufeff",
        "2026-05-01T00:00:00Z",
        "null",
    ]
)
TEXT = AWKWARD | st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SHA256 = st.from_regex(r"[0-9a-f]{64}", fullmatch=True) | st.just("")
PIXELS = st.none() | st.integers(1, 10**6)
MILLISECONDS = st.none() | st.floats(0, allow_infinity=False)

RECORDS = st.builds(
    FeedbackRecord,
    time=st.datetimes(timezones=st.just(UTC)),
    rating=st.integers(1, 5),
    comment=TEXT,
    corrected_label=TEXT,
    corrected_caption=TEXT,
    picture_name=TEXT,
    picture_sha256=SHA256,
    picture_width=PIXELS,
    picture_height=PIXELS,
    edits=st.lists(
        st.dictionaries(TEXT, TEXT | JSON | st.lists(TEXT | JSON, max_size=2), max_size=3),
        max_size=2,
    ).map(tuple),
    labels=st.lists(TEXT, max_size=3).map(tuple),
    templates=st.lists(TEXT, max_size=2).map(tuple),
    independent=st.booleans(),
    predictions=st.lists(st.builds(Prediction, TEXT, st.floats(0, 1)), max_size=3).map(tuple),
    caption=TEXT,
    classifier=TEXT,
    classifier_revision=TEXT,
    captioner=TEXT,
    captioner_revision=TEXT,
    classify_ms=MILLISECONDS,
    caption_ms=MILLISECONDS,
    session=TEXT,
)
