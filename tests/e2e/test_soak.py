"""A bounded part of scripts/soak.py; the whole takes a quarter of an hour and more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e import engine
from tests.e2e.server import ROOT


@pytest.mark.skipif(engine.chosen() == engine.SERVER, reason="it looks into the embedded executor's journal")
def test_documents_end_as_they_should_however_often_the_server_is_killed() -> None:
    command = [sys.executable, str(ROOT / "scripts/soak.py"), "--documents", "8", "--kills", "8", "--seed", "3"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.stdout, ended.stderr
    report = json.loads(ended.stdout)
    assert report["differences"] == []
    assert report["kills"] == 8
    assert ended.returncode == 0
