"""Writes docs/reference from what the product says of itself: routes and shapes, error codes, settings, commands, and tools.

    .venv/bin/python -m scripts.make_reference [--check]

--check changes nothing; exit code 1 when a page is not what it should be.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.reference import api, cli, errors, settings, tools

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "<!-- Made by scripts/make_reference.py: change what it describes, not this page. -->\n\n"


def pages() -> dict[str, str]:
    """By file name, as they should be."""
    made = {
        "http-api.md": api.page(),
        "errors.md": errors.page(),
        "settings.md": settings.page(),
        "cli.md": cli.page(),
        "mcp.md": tools.page(),
    }
    return {name: _MADE + text.rstrip() + "\n" for name, text in made.items()}


def stale() -> list[str]:
    """Names of pages that are not what they should be."""
    found = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    made = pages()
    return sorted(name for name in found.keys() | made.keys() if found.get(name) != made.get(name))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        names = stale()
        print("\n".join(f"docs/reference/{name} is not current" for name in names))
        sys.exit(1 if names else 0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
