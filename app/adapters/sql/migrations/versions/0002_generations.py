"""Which versions a generation holds, and jobs about a whole collection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_OF_JOBS = ("job_steps", "job_events")


def upgrade() -> None:
    op.create_table(
        "generation_versions",
        sa.Column("generation_id", sa.String, sa.ForeignKey("generations.id"), primary_key=True),
        sa.Column("version_id", sa.String, primary_key=True),
        sa.Column("chunks", sa.Integer),
    )
    op.execute(
        "INSERT INTO generation_versions (generation_id, version_id, chunks)"
        " SELECT collections.active_generation_id, versions.id, coalesce(versions.chunks, 0) FROM documents"
        " JOIN versions ON versions.id = documents.active_version_id"
        " JOIN collections ON collections.id = documents.collection_id"
    )
    # SQLite makes the table anew, and would not let go of one that rows point to.
    for table in _OF_JOBS:
        op.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")
        op.execute(f"DELETE FROM {table}")
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("document_id", existing_type=sa.String, nullable=True)
        jobs.add_column(sa.Column("collection_id", sa.String))
        jobs.add_column(sa.Column("generation_id", sa.String))
        jobs.create_foreign_key("jobs_collection_id_fkey", "collections", ["collection_id"], ["id"])
        jobs.create_index("ix_jobs_collection_id", ["collection_id"])
    for table in _OF_JOBS:
        op.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
        op.execute(f"DROP TABLE kept_{table}")
