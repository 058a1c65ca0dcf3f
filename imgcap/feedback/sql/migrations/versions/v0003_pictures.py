"""Make what the records of a kept picture are found by."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index; few records have a picture."""
    name, table = "imgcap_feedback_by_picture", "imgcap_feedback"
    kept = sa.text("picture_file != ''")
    op.create_index(name, table, ["picture_file"], postgresql_where=kept, sqlite_where=kept)
