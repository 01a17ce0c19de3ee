"""Rules about the repository itself."""

from __future__ import annotations

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
