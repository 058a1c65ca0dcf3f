import pytest

from imgcap.inference import Classification, Prediction, summarise


def summary(*scores: tuple[str, float], independent: bool = False) -> str:
    predictions = tuple(Prediction(label, score) for label, score in scores)
    return summarise(Classification(predictions, independent, model="m", ms=1.0))


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([("cat", 0.87), ("dog", 0.13)], "This picture most likely shows a cat (87\xa0%)."),
        (
            [("a photo of an owl", 0.6), ("dog", 0.2), ("x", 0.2)],
            "This picture most likely shows an owl (60\xa0%).",
        ),
        (
            [("nature", 0.999), ("food", 0.001)],
            "This picture most likely shows nature (over 99\xa0%).",
        ),
        (
            [("cat", 0.45), ("dogs", 0.4), ("car", 0.15)],
            "This picture may show a cat (45\xa0%) or dogs (40\xa0%).",
        ),
        (
            [("cat", 0.14), ("dog", 0.13), *((f"label {n}", 0.73 / 7) for n in range(7))],
            "None of these labels fits this picture well; the closest is a cat (14\xa0%).",
        ),
        ([("cat", 1.0)], "The only label to choose from was “cat”, so nothing was compared."),
        ([], ""),
    ],
)
def test_shared_scores(scores: list[tuple[str, float]], sentence: str) -> None:
    assert summary(*scores) == sentence


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([("cat", 0.9)], "This picture most likely shows a cat (90\xa0%)."),
        (
            [("cat", 0.9), ("sofa", 0.71), ("dog", 0.2)],
            "This picture most likely shows a cat (90\xa0%) and a sofa (71\xa0%).",
        ),
        (
            [("cat", 0.9), ("sofa", 0.8), ("bed", 0.7), ("rug", 0.6)],
            "This picture most likely shows a cat (90\xa0%), a sofa (80\xa0%) and a bed (70\xa0%).",
        ),
        (
            [("cat", 0.3), ("dog", 0.001)],
            "None of these labels fits this picture well; the closest is a cat (30\xa0%).",
        ),
    ],
)
def test_independent_scores(scores: list[tuple[str, float]], sentence: str) -> None:
    assert summary(*scores, independent=True) == sentence


def test_from_which_score_on_a_label_is_named_can_be_chosen() -> None:
    predictions = (Prediction("cat", 0.6), Prediction("dog", 0.4))
    for threshold, named in ((0.19, True), (0.21, False)):
        told = summarise(Classification(predictions, False, "m", 1.0, none_threshold=threshold))  # noqa: FBT003
        assert told.startswith("None of these labels fits") is not named


def test_a_thousand_labels_do_not_make_a_clear_winner_doubtful() -> None:
    others = [(f"thing number {n}", 0.4 / 999) for n in range(999)]
    assert summary(("cat", 0.6), *others) == "This picture most likely shows a cat (60\xa0%)."
