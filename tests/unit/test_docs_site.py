"""The documentation is current, and can be read where there is no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import make_reference

ROOT = Path(__file__).parents[2]
_LOADED = re.compile(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="?([^" >]+)|<link\b[^>]*\bhref="?([^" >]+)')


def test_the_reference_is_what_the_code_says() -> None:
    """To make it so: scripts/docs"""
    assert make_reference.stale() == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A link that leads nowhere stops the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    loaded = {found for page in pages for pair in _LOADED.findall(page.read_text("utf-8")) for found in pair if found}
    assert len(loaded) > 3
    assert [each for each in loaded if each.startswith(("http:", "https:", "//"))] == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\(\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_every_decision_and_every_page_is_in_the_navigation(site: Path) -> None:
    start = (site / "index.html").read_text("utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert f'href="{name}"' in start or f"href={name}" in start, name
