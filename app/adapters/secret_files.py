"""Secrets that a data folder keeps: made once, readable by their owner only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The file's text; when it is absent, what `make` gives, written durably with mode 0600 first."""
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        secret = make()
        write(path, secret)
        return secret


def write(path: Path, secret: str) -> None:
    """Replaces the file as a whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
