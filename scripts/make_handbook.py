#!/usr/bin/env python
"""Writes the sample handbook: `scripts/make_handbook.py [FILE]` (default: handbook.pdf)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.cli.handbook import write

if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "handbook.pdf"))
