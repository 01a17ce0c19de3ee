"""`cairn`: the command line. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

from app.cli.commands import main

__all__ = ["main"]
