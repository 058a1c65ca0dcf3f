import pytest

from imgcap.inference.telling import Telling


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a", "a cat", "a cat on"], ["a", "a cat"]),
        (["un", "unlike", "unlikely ", "unlikely  a"], ["unlikely"]),
        (["the cat ", "the cat '", "the cat's", "the cat's on"], ["the", "the cat", "the cat's"]),
        (["a cat is", "a dog is", "a"], ["a cat", "a dog"]),
    ],
    ids=["words", "pieces", "shrinking", "another beam"],
)
def test_only_whole_words_are_told_and_each_text_once(
    texts: list[str], expected: list[str]
) -> None:
    told: list[str] = []
    telling = Telling(told.append)
    for text in texts:
        telling.so_far(text, ended=False)
    assert told == expected


def test_the_last_word_of_an_ended_text_is_told() -> None:
    told: list[str] = []
    telling = Telling(told.append)
    telling.so_far("a cat", ended=True)
    telling.tell("a cat")
    assert told == ["a cat"]


def test_the_last_that_is_told_is_the_caption_itself() -> None:
    told: list[str] = []
    telling = Telling(told.append)
    telling.so_far("a cat on a mat", ended=False)
    telling.tell("a cat")
    assert told == ["a cat on a", "a cat"]
