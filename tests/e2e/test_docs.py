"""What the documentation shows is done as it stands there, against a real server.

Blocks marked `sh` and `python` are run, in order, a page in one shell or one program; the lines of a `text` block after them are
what must have been said. `console` is for what a test cannot do: install, or log in by hand.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server, finished, running, upload

DOCS = ROOT / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ADDRESS = "http://127.0.0.1:8000"
SHELL = ("tutorial.md", "how-to/http.md", "how-to/folders.md", "how-to/keys.md", "how-to/assistants.md", "../README.md")
PYTHON = ("how-to/python.md", "how-to/assistants.md", "openai.md")


def _blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of each."""
    return _BLOCK.findall((DOCS / page).read_text("utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As the tutorial starts it: no settings, a key that is made up."""
    with running(tmp_path_factory.mktemp("data"), CAIRN_BOOTSTRAP_KEY="") as started:
        yield started


@pytest.fixture
def place(server: Server, tmp_path: Path, handbook: Path) -> tuple[Path, dict[str, str]]:
    """The folder where a person is, and what their shell knows."""
    folder = tmp_path / "cairn"
    (folder / "papers").mkdir(parents=True)
    shutil.copy(handbook, folder / "report.pdf")
    content = handbook.read_bytes()
    (folder / "report-v2.pdf").write_bytes(content.replace(b"startxref", b"%v2\nstartxref"))
    for number in range(5):
        (folder / "papers" / f"{number}.md").write_text(f"# Paper {number}\n\nIt is about the pump {number}.\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "cairn").write_text(f'#!/bin/sh\nexec {sys.executable} -m app.cli "$@"\n')
    (programs / "cairn").chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))}
    known = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CAIRN_DATA_DIR": str(server.data_dir),
        "CAIRN_PORT": str(server.port),
        "CAIRN_OLLAMA_URL": "",
        "KEY": (server.data_dir / "first-key").read_text().strip(),
        "COLUMNS": "200",
    }
    return folder, clean | known


def _run(command: list[str], program: str, place: tuple[Path, dict[str, str]], server: Server) -> str:
    folder, known = place
    ran = subprocess.run(
        command,
        input=program.replace(_ADDRESS, server.url),
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize("page", SHELL)
def test_what_is_typed(page: str, server: Server, place: tuple[Path, dict[str, str]], handbook: Path) -> None:
    if page != "tutorial.md":
        with server.client(place[1]["KEY"]) as http:
            finished(http, upload(http, handbook)["job_id"])
    blocks = _blocks(page)
    program = "".join(text for language, text in blocks if language == "sh")
    assert program
    said = " ".join(_run(["bash", "-euo", "pipefail"], program, place, server).split())
    for line in (line for language, text in blocks if language == "text" for line in text.splitlines()):
        assert " ".join(line.split()) in said


@pytest.mark.parametrize("page", PYTHON)
def test_what_is_programmed(page: str, server: Server, place: tuple[Path, dict[str, str]], handbook: Path) -> None:
    with server.client(place[1]["KEY"]) as http:
        finished(http, upload(http, handbook)["job_id"])
    program = "\n".join(text for language, text in _blocks(page) if language == "python")
    told = "\nprint(answer.choices[0].message.content, answer.model_extra)\n" if page == "openai.md" else ""
    said = _run([sys.executable, "-W", "error", "-"], program + told, place, server)
    assert "fourteen months of parental leave" in " ".join(said.split())


def test_every_block_says_what_it_is() -> None:
    """Every block says what it is, so that none is left out by mistake."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text("utf-8")
        assert len(re.findall(r"^```\w+$", text, re.MULTILINE)) == text.count("\n```\n") + text.endswith("\n```")
