from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcap.labels import (
    DEFAULT_TEMPLATES,
    ENSEMBLE_TEMPLATES,
    MAX_LABEL_LENGTH,
    MAX_LABELS,
    LabelError,
    check_labels,
    fill,
    label_sets,
    parse_labels,
    prompts,
    read_labels,
    subject,
    with_article,
)
from imgcap.settings import Settings


def test_labels_come_one_a_line_or_between_commas() -> None:
    text = "# my labels\ncat, dog\n\n  a  photo of\ta bird ,\n # another remark, ignored\nfood"
    assert parse_labels(text) == ("cat", "dog", "a photo of a bird", "food")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no label in the label list: give at least one."),
        ("# only a remark\n , ,", "There is no label in the label list: give at least one."),
        ("cat\ndog\nCAT", "The label “CAT” is in the label list more than once."),
        ("x" * (MAX_LABEL_LENGTH + 1), "characters long; 200 is the most."),
        (
            "\n".join(f"label {n}" for n in range(MAX_LABELS + 1)),
            "There are too many labels in the label list: 2,000 is the most.",
        ),
    ],
)
def test_a_bad_list_is_refused_with_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(LabelError) as refusal:
        parse_labels(text)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_empty_label_in_a_sequence_is_refused() -> None:
    with pytest.raises(LabelError, match="is empty"):
        check_labels(["cat", " \u200b\n"])


@given(st.lists(st.text(max_size=30), max_size=20))
def test_a_list_is_either_refused_with_a_sentence_or_tidied(raw: list[str]) -> None:
    labels: tuple[str, ...] = ()
    refusal = ""
    try:
        labels = check_labels(raw)
    except LabelError as error:
        refusal = str(error)
    assert bool(labels) != refusal.endswith(".")
    assert len(labels) in {0, len(raw)}
    assert all(label == label.strip() and label.isprintable() for label in labels)
    assert len({label.casefold() for label in labels}) == len(labels)
    for label in labels:
        assert check_labels([label]) == (label,)
        assert all(prompts(label, ENSEMBLE_TEMPLATES))


def test_label_files(tmp_path: Path) -> None:
    (tmp_path / "pets.txt").write_bytes(b"\xef\xbb\xbf# pets\r\ncat\r\ndog\r\n")
    assert read_labels(tmp_path / "pets.txt") == ("cat", "dog")
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9")
    with pytest.raises(LabelError, match=r"bytes\.txt is not UTF-8 text\.$"):
        read_labels(tmp_path / "bytes.txt")
    with pytest.raises(LabelError, match=r"could not be read: No such file or directory\.$"):
        read_labels(tmp_path / "none.txt")
    with pytest.raises(LabelError, match=r"could not be read: Is a directory\.$"):
        read_labels(tmp_path)


def test_label_sets_are_the_text_files_of_the_data_folder(tmp_path: Path) -> None:
    assert label_sets(Settings(data=tmp_path)) == {}
    (tmp_path / "labels").mkdir()
    for name in ("sports", "food"):
        (tmp_path / "labels" / f"{name}.txt").write_text("one\ntwo\n")
    assert list(label_sets(Settings(data=tmp_path))) == ["food", "sports"]


@pytest.mark.parametrize(
    ("label", "phrase"),
    [
        ("cat", "a cat"),
        ("car_side", "a car side"),
        ("using_laptop", "a person using laptop"),
        ("archery", "archery"),
        ("apple", "an apple"),
        ("unicorn", "a unicorn"),
        ("umbrella", "an umbrella"),
        ("unimportant thing", "an unimportant thing"),
        ("used car", "a used car"),
        ("one-way sign", "a one-way sign"),
        ("hourglass", "an hourglass"),
        ("European robin", "a European robin"),
        ("SUV", "an SUV"),
        ("UFO", "a UFO"),
        ("X-ray", "an X-ray"),
        ("Siberian Husky", "a Siberian Husky"),
        ("a person", "a person"),
        ("the sea", "the sea"),
        ("two dogs", "two dogs"),
        ("3 dogs", "3 dogs"),
        ("nature", "nature"),
        ("food", "food"),
        ("sports", "sports"),
        ("dogs", "dogs"),
        ("people", "people"),
        ("ice cream", "ice cream"),
        ("swimming", "swimming"),
        ("swimming pool", "a swimming pool"),
        ("building", "a building"),
        ("wedding", "a wedding"),
        ("bus", "a bus"),
        ("glass", "a glass"),
        ("cup of coffee", "a cup of coffee"),
        ("pair of shoes", "a pair of shoes"),
        ("riding a horse", "a person riding a horse"),
        ("a photo of a cat", "a cat"),
        ("An image of nature", "nature"),
        ("a black-and-white picture of a bird", "a bird"),
        ("a painting of a cat", "a painting of a cat"),
        ("photo", "a photo"),
        ("", ""),
    ],
)
def test_a_label_in_a_sentence(label: str, phrase: str) -> None:
    assert with_article(label) == phrase


@pytest.mark.parametrize(
    ("label", "prompt"),
    [
        ("cat", "a photo of a cat"),
        ("a photo of a cat", "a photo of a cat"),
        ("a picture of a bird", "a picture of a bird"),
        ("a person riding a horse", "a photo of a person riding a horse"),
        ("nature", "a photo of nature"),
    ],
)
def test_the_default_template_suits_nouns_and_phrases(label: str, prompt: str) -> None:
    assert prompts(label, DEFAULT_TEMPLATES) == (prompt,)


def test_templates() -> None:
    assert fill("{}", "cat") == "cat"
    assert fill("a bad photo of {label}.", "cat") == "a bad photo of a cat."
    assert fill("{}, seen from above", "a photo of a cat") == "a cat, seen from above"
    assert fill("{} {x} {0}", "cat") == "a cat {x} {0}", "other braces are ordinary characters"
    assert prompts("a photo of a cat", ("a photo of {}", "a picture of {}")) == (
        "a photo of a cat",
    )
    with pytest.raises(LabelError, match=r"“a photo” has no \{\} for the label\.$"):
        fill("a photo", "cat")
    with pytest.raises(LabelError, match="At least one"):
        prompts("cat", ())


def test_a_subject_is_never_empty() -> None:
    assert subject("a photo of") == "a photo of"
    assert subject("a photo of a cat") == "a cat"
