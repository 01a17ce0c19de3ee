"""scripts/pitr_drill: what docs/recovery.md says of PostgreSQL, done."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/pitr_drill"


def test_a_database_comes_back_as_it_was_at_a_moment_between_two_backups() -> None:
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        pytest.skip("needs PostgreSQL's programs (Debian: postgresql)")
    done = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["found"] == {"tenants": ["before"]}
