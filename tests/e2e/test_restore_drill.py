"""The drill of scripts/restore_drill.py: a backup while people work, the end of everything, and everything back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def drilled(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "scripts/restore_drill.py", "--load", "4", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert not any(report["problems"].values()), report["problems"]
    assert done.returncode == 0, done.stderr
    assert report["acts"]["there"] > 0, "nobody worked while the backup was made"
    assert report["archive"]["versions"] > report["archive"]["documents"] > 10
    return report


def test_everything_is_back_on_one_machine_with_the_same_answers_to_50_questions() -> None:
    report = drilled()
    assert report["answers"] == {"asked": 50, "the_same": 50}
    assert report["abstained"] < 40


def test_everything_is_back_in_a_cluster() -> None:
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or not all(
        map(shutil.which, ("redis-server", "nginx"))
    ):
        pytest.skip("needs PostgreSQL's programs, redis-server and nginx (Debian: postgresql redis-server nginx-light)")
    report = drilled("--from", "cluster", "--into", "cluster", "--ask", "20")
    assert report["answers"] == {"asked": 20, "the_same": 20}
    assert report["backup"]["vectors"] > 0
