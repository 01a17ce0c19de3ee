"""A bounded part of the fuzz run in scripts/bench/bench_parse_hostile.py: damaged PDFs end in text or in a code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from app.cli.handbook import write

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CAIRN_TEST_DATA", ROOT / "../shared/data"))


def test_mutated_files_end_in_text_or_in_a_code(tmp_path: Path) -> None:
    folder = DATA / "hostile"
    if not folder.is_dir():
        folder = tmp_path
        write(folder / "handbook.pdf")
    command = [sys.executable, str(ROOT / "scripts/bench/bench_parse_hostile.py"), str(folder)]
    done = subprocess.run(
        [*command, "--mutants", "100", "--seed", "1", "--time-limit", "30"],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    outcomes = json.loads(done.stdout)["outcomes"]
    assert sum(outcomes.values()) == 100
    assert outcomes["read"] > 20, "too few survive to try anything"
    assert "unexpected" not in outcomes
