"""Feedback in a database: a SQLite file or a PostgreSQL server."""

from imgcap.feedback.sql.store import SqlStore

__all__ = ["SqlStore"]
