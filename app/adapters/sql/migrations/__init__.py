"""The schema's history: named steps, run in order, each in one transaction."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from pipelines.domain.errors import ConfigurationError


def upgrade(connection: Connection) -> None:
    """Brings the schema to the newest step; quick when it is there. ConfigurationError when it is newer than this program."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    present = MigrationContext.configure(connection).get_current_revision()
    if present == scripts.get_current_head():
        return
    if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
        raise ConfigurationError("The catalog was written by a newer version of Cairn; this one cannot read it.")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
