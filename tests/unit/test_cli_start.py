"""The command line starts at once: nothing heavy is loaded before a command needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"chromadb", "cryptography", "fastapi", "llama_index", "mcp", "numpy", "onnxruntime", "pymupdf", "sqlalchemy"}


def test_nothing_heavy_is_loaded_before_a_command_needs_it() -> None:
    program = "import sys; import app.cli.commands; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)
    assert "httpx" in loaded
