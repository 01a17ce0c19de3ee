"""Rules about the repository itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = 400
SOURCES = [
    path for folder in ("app", "pipelines", "workflows", "scripts", "tests") for path in (ROOT / folder).rglob("*.py")
]


def test_files_are_short_enough_to_be_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > LINES
    }
    assert long == {}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_every_file_by_its_hash_and_name_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(requirements) > 100
    assert text.count("--hash=sha256:") >= len(requirements)
    assert "--index-url" not in text
    assert "://" not in text
    assert "torch==" not in text


def test_every_control_of_the_threat_model_names_tests_that_are_there() -> None:
    text = (ROOT / "docs/security.md").read_text()
    files = set(re.findall(r"`(tests/[\w/.]+?)(?:::|`)", text))
    assert len(files) > 30
    assert [name for name in files if not (ROOT / name).exists()] == []
    everything = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"::(test_\w+)", text))
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in everything] == []
    rows = [
        line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| attack", "| asset"))
    ]
    assert [row for row in rows if row.count(" | ") >= 2 and "test" not in row.rpartition(" | ")[2]] == []
