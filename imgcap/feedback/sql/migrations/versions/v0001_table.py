"""Make the table."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
    identity = sa.Uuid().with_variant(sa.Text(), "sqlite")
    op.create_table(
        "imgcap_feedback",
        sa.Column("id", identity, primary_key=True),
        sa.Column("time", time, nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("corrected_label", sa.Text(), nullable=False),
        sa.Column("corrected_caption", sa.Text(), nullable=False),
        sa.Column("picture_name", sa.Text(), nullable=False),
        sa.Column("picture_sha256", sa.Text(), nullable=False),
        sa.Column("picture_width", sa.BigInteger()),
        sa.Column("picture_height", sa.BigInteger()),
        sa.Column("picture_file", sa.Text(), nullable=False),
        sa.Column("edits", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("templates", sa.Text(), nullable=False),
        sa.Column("independent", sa.Boolean(), nullable=False),
        sa.Column("predictions", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("classifier_revision", sa.Text(), nullable=False),
        sa.Column("captioner", sa.Text(), nullable=False),
        sa.Column("captioner_revision", sa.Text(), nullable=False),
        sa.Column("classify_ms", sa.Double()),
        sa.Column("caption_ms", sa.Double()),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("searchable", sa.Text(), nullable=False),
        sa.CheckConstraint("rating IN (1, 2, 3, 4, 5)", name="imgcap_feedback_rating"),
    )
