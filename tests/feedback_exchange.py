"""What the tests of exports and imports share."""

from datetime import UTC, datetime
from uuid import UUID

from imgcap.feedback import FeedbackRecord
from imgcap.inference.results import Prediction
from tests.picture_files import every_kind

PICTURES = list(every_kind().values())
SAID = FeedbackRecord(
    id=UUID("01890a5d-ac96-774b-bcce-b302099a8057"),  # the same in every process
    rating=4,
    comment="=not bad\r\n\0",
    labels=("cat", "dog"),
    predictions=(Prediction("cat", 0.75), Prediction("dog", 0.25)),
    edits=({"crop": [1, 2, 3, 4]}, {"rotate": "90"}),
    time=datetime(2026, 5, 1, 12, tzinfo=UTC),
)
