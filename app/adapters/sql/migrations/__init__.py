"""The schema's history: named steps, run in order, each in one transaction."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pipelines.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory


@cache
def steps() -> ScriptDirectory:
    """All of them, read, and what runs them. It takes a while: to be had before a process makes others wait for it."""
    from alembic import command  # noqa: F401
    from alembic.runtime.migration import MigrationContext  # noqa: F401
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    scripts.get_current_head()
    return scripts


def upgrade(connection: Connection) -> None:
    """Brings the schema to the newest step; quick when it is there. ConfigurationError when it is newer than this program."""
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    scripts = steps()
    present = MigrationContext.configure(connection).get_current_revision()
    if present == scripts.get_current_head():
        return
    if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
        raise ConfigurationError("The catalog was written by a newer version of Cairn; this one cannot read it.")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
