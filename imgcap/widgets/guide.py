"""How to use the page, in six steps."""

from imgcap.widgets.elements import Fold, markup

STEPS = (
    ("Bring a picture", "choose files, drop or paste them anywhere, or click a sample."),
    ("Read the answer", "a caption, labels with their confidence, and a sentence to sum up."),
    ("Change the chart", "bars, a pie or a line; point at it for exact figures."),
    ("Say what to look for", "pick a label set or write your own labels, one a line."),
    ("Tell it where it was wrong", "rate it, name the right label, say it better."),
    ("See what was said", "sort, search and download the feedback of everyone."),
)


class Guide(Fold):
    """Instructions that fold away."""

    def __init__(self) -> None:
        steps = "".join(f"<li><strong>{what}:</strong> {how}</li>" for what, how in STEPS)
        super().__init__("How it works", markup(f"<ol>{steps}</ol>"))
        self.add_class("imgcap-guide")
