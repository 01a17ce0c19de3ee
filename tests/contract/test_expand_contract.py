"""A step of the schema's history only adds what programs of the step before can live without: during a rolling update both run.

What takes something away (a table, a column, an empty value) is listed here, with why nobody needs it any more: first a release
stops using it, and a later one removes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from app.adapters.sql import migrations

TAKEN_AWAY = {
    "0009": "before the first release",
    "0015": "before the first release",
}

Columns = dict[str, dict[str, dict[str, Any]]]


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def _columns(connection: Connection) -> Columns:
    found = inspect(connection)
    return {
        table: {column["name"]: dict(column) for column in found.get_columns(table)}
        for table in found.get_table_names()
        if not table.startswith(("alembic_", "keyword_text_"))
    }


def _unique(connection: Connection, table: str) -> set[tuple[str, ...]]:
    found = inspect(connection)
    of = [tuple(each["column_names"]) for each in found.get_unique_constraints(table)]
    return {*of, *(tuple(map(str, each["column_names"])) for each in found.get_indexes(table) if each["unique"])}


def breaks(before: Columns, after: Columns) -> Iterator[str]:
    """What of a program that knows `before` fails on `after`."""
    for table, columns in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        for name, column in columns.items():
            now = after[table].get(name)
            if now is None:
                yield f"{table}.{name} is gone"
            elif not now["nullable"] and column["nullable"]:
                yield f"{table}.{name} must have a value now"
            elif str(now["type"]) != str(column["type"]):
                yield f"{table}.{name} was {column['type']} and is {now['type']}"
        for name in after[table].keys() - columns.keys():
            new = after[table][name]
            if not new["nullable"] and new["default"] is None:
                yield f"{table}.{name} is new and must have a value that older programs do not give"


def test_programs_of_the_step_before_can_go_on(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        config = _config(connection)
        steps = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
        command.upgrade(config, steps[0])
        for step in steps[1:]:
            before = _columns(connection)
            constrained = {table: _unique(connection, table) for table in before}
            command.upgrade(config, step)
            after = _columns(connection)
            found[step] = [
                *breaks(before, after),
                *(
                    f"{table}: {', '.join(columns)} must be unique now"
                    for table in before.keys() & after.keys()
                    for columns in _unique(connection, table) - constrained[table]
                ),
            ]
    engine.dispose()
    assert {step: what for step, what in found.items() if what and step not in TAKEN_AWAY} == {}
    assert {step for step in TAKEN_AWAY if not found[step]} == set(), "takes nothing away: need not be listed"


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"b": {"nullable": True, "default": None}}, 0),
        ({"b": {"nullable": False, "default": "''"}}, 0),
        ({"b": {"nullable": False, "default": None}}, 1),
        ({"a": {"nullable": False, "default": None}}, 1),
        ({"a": {"type": "INTEGER"}}, 1),
        ({"a": None}, 1),
    ],
)
def test_what_breaks_a_program_is_seen(change: dict[str, Any], broken: int) -> None:
    column = {"nullable": True, "default": None, "type": "TEXT"}
    before: Columns = {"t": {"a": column}}
    after = {name: {**column, **(how or {})} for name, how in {"a": {}, **change}.items() if how is not None}
    assert len(list(breaks(before, {"t": after}))) == broken
    assert list(breaks(before, {})) == ["t is gone"]
