"""Where a person's own files are kept (XDG Base Directory Specification): readable by them alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def configuration() -> Path:
    return _folder("XDG_CONFIG_HOME", ".config")


def state() -> Path:
    return _folder("XDG_STATE_HOME", ".local/state")


def write(path: Path, text: str) -> None:
    """The whole file or none of it, whatever happens meanwhile. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _folder(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / default) / "cairn"
