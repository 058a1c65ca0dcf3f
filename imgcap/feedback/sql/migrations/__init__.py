"""The steps that bring a database of any version to the present one, in the order of their names.

Each is a file in ``versions``; add one for every change of `imgcap.feedback.sql.table.TABLE`, never
alter one that has been released, and name the newest in `REVISIONS`.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

REVISIONS: Final = ("0001", "0002", "0003")
VERSION_TABLE: Final = "imgcap_feedback_version"


def upgrade(connection: Connection) -> None:
    """Bring the database to the last of `REVISIONS`, within the transaction that is open.

    One thread at a time: Alembic keeps what it works on in variables of a module.
    """
    # Only a database that is not up to date needs it.
    from alembic.command import upgrade as run  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    here = str(Path(__file__).parent).replace("%", "%%")  # as its configuration files write it
    config.set_main_option("script_location", here)
    run(config, REVISIONS[-1])
