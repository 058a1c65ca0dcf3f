"""Tells Alembic which connection to use, and where the database's version stands."""

from alembic import context

context.configure(**context.config.attributes)
with context.begin_transaction():
    context.run_migrations()
