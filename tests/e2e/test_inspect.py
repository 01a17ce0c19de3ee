"""`cairn inspect`, as a person types it: no server, no data folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.e2e.server import ROOT


def _inspect(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CAIRN_DATA_DIR": str(data), "CAIRN_OLLAMA_URL": "", "COLUMNS": "160"}
    command = [sys.executable, "-m", "app.cli", "inspect", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_blocks_tables_and_chunks_of_a_pdf_are_shown_and_drawn(handbook: Path, tmp_path: Path) -> None:
    shown = _inspect(str(handbook), "--draw", str(tmp_path / "out"), data=tmp_path / "data")
    assert shown.returncode == 0, shown.stderr
    assert "application/pdf" in shown.stdout
    assert "Table, block" in shown.stdout
    found = json.loads(_inspect(str(handbook), "--json", data=tmp_path / "data").stdout)
    pictures = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in pictures] == [f"page-{page['number']:04}.png" for page in found["pages"]]
    with Image.open(pictures[0]) as picture:
        width, height = picture.size
        assert abs(width / height - found["pages"][0]["width"] / found["pages"][0]["height"]) < 0.01
        first = next(block for block in found["blocks"] if block["kind"] == "heading" and block["page"] == 1)
        x, y = (round(edge * width / found["pages"][0]["width"]) for edge in first["box"][:2])
        around = picture.convert("RGB").crop((x - 2, y + 3, x + 3, y + 4)).tobytes()
        assert any(red > green + 60 for red, green in zip(around[::3], around[1::3], strict=True))
    text = "\n\n".join(block["text"] for block in found["blocks"])
    assert all(text[chunk["start"] : chunk["end"]] == chunk["text"] for chunk in found["chunks"])
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_read_or_drawn_is_said_in_a_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"\x00" * 2_000)
    for words, said in [
        ([str(broken)], "(truncated_file)"),
        ([str(tmp_path / "absent.pdf")], "does not exist"),
    ]:
        ended = _inspect(*words, data=tmp_path / "data")
        assert ended.returncode != 0
        assert said in ended.stderr, ended.stderr
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nSome text.\n")
    ended = _inspect(str(note), "--draw", str(tmp_path / "out"), data=tmp_path / "data")
    assert (ended.returncode, "(unsupported_type)" in ended.stderr) == (1, True)
