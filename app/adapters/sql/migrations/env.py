"""Run by alembic: uses the connection it is given, in the transaction that is open."""

from alembic import context
from sqlmodel import SQLModel

from app.adapters.sql import models  # noqa: F401 - registers the tables

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
context.run_migrations()
