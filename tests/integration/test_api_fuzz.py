"""The short form of scripts/fuzz_api.py: no operation answers with a server error or with anything that it does not say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.server import ROOT


def test_every_operation_answers_as_it_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.fuzz_api", "--examples", "4", "--seed", "7", "--log", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_200, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    said = {name: "\n".join(report[name]["said"]) for name in ("with a key", "without")}
    assert report["alive"]
    assert "passed" in said["with a key"]
    assert "passed" in said["without"]
