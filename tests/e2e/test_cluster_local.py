"""The drill of scripts/cluster_local.py, short: each part of a cluster is killed once, and nothing that was accepted is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_any_part_may_die_and_nothing_accepted_is_lost() -> None:
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or not all(
        map(shutil.which, ("redis-server", "nginx"))
    ):
        pytest.skip("needs PostgreSQL's programs, redis-server and nginx (Debian: postgresql redis-server nginx-light)")
    command = [sys.executable, "scripts/cluster_local.py", "--calm", "2", "--outage", "1", "--every", "0.5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["lost"] == []
    assert report["accepted"] >= 10
    assert set(report["outages"]) == {"postgres", "redis", "chroma", "s3", "engine", "worker", "api-1", "api-2"}
    assert report["answers"]["200"] >= 10
    for part in (
        "redis",
        "chroma",
        "s3",
        "engine",
        "worker",
        "api-1",
        "api-2",
    ):  # without these, questions are answered
        assert set(report["outages"][part]["answers"]) <= {"200", "degraded", "404"}, report
