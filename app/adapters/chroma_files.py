"""Chroma's own files in a folder of this machine: what it deleted and still keeps is taken off the disk.

Run as a program, in a process of its own: SQLite's locks do not tell two copies of its library in one process apart, and
Chroma brings its own.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

_SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def shrink(folder: Path, timeout_s: float) -> None:
    """Empties free pages and removes the folders of what was dropped. Raises OSError, subprocess.SubprocessError."""
    program = [sys.executable, "-m", "app.adapters.chroma_files", str(folder), str(timeout_s)]
    subprocess.run(  # noqa: S603 - our own program
        program, cwd=Path(__file__).parents[2], check=True, capture_output=True, timeout=timeout_s
    )


def main(folder: Path, timeout_s: float) -> None:
    with closing(sqlite3.connect(folder / "chroma.sqlite3", timeout=timeout_s)) as database:
        database.execute("VACUUM")
        used = {row[0] for row in database.execute("SELECT id FROM segments")}
    for each in folder.iterdir():
        if each.is_dir() and _SEGMENT.fullmatch(each.name) and each.name not in used:
            shutil.rmtree(each, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
