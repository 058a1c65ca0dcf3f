"""Make what a page of many records is found by."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the indexes."""
    table = "imgcap_feedback"
    op.create_index(f"{table}_by_time", table, ["time", "id", "rating"])
    op.create_index(f"{table}_by_rating", table, ["rating", "time", "id"])
    op.create_index(f"{table}_by_session", table, ["session"], postgresql_using="hash")
