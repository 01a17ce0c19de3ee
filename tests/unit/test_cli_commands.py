"""The command line as a whole: it starts at once, and each command says what it does, shows how, and speaks JSON."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from app.cli.commands import command
from app.cli.examples import EXAMPLES, leaves

HEAVY = {"chromadb", "cryptography", "fastapi", "llama_index", "mcp", "numpy", "onnxruntime", "pymupdf", "sqlalchemy"}
SPEAKS_FOR_ITSELF = {
    *("chat", "demo", "login", "logout", "mcp", "migrate", "serve"),  # with a person, or without output
    *("audit export", "golden show", "jobs show", "keys first"),  # JSON anyway, or one word
}
LEAVES = dict(leaves(command()))


def test_nothing_heavy_is_loaded_before_a_command_needs_it() -> None:
    program = "import sys; import app.cli.commands; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)
    assert "httpx" in loaded


@pytest.mark.parametrize("words", LEAVES)
def test_each_command_says_what_it_does_and_shows_how(words: str) -> None:
    known = {option for each in LEAVES[words].params for option in (*each.opts, *each.secondary_opts)}
    assert LEAVES[words].help.strip()
    assert ("--json" in known) != (words in SPEAKS_FOR_ITSELF)
    assert EXAMPLES[words]
    for example in EXAMPLES[words]:
        assert f"    {example}\n" in LEAVES[words].help
        (own,) = (part for part in _parts(example) if part[0] == "cairn")
        assert own[1 : 1 + len(words.split())] == words.split()
        assert {word for word in own if word.startswith("-")} <= known


def test_no_example_is_of_a_command_that_is_not_there() -> None:
    assert set(EXAMPLES) == set(LEAVES)


def _parts(line: str) -> list[list[str]]:
    """Of a pipeline."""
    parts: list[list[str]] = [[]]
    for word in shlex.split(line.replace("export CAIRN_API_KEY=$(", "").rstrip(")")):
        if word in ("|", ">"):
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_it(shell: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "app.cli"],
        env={"_CAIRN_COMPLETE": f"complete_{shell}", "COMP_WORDS": "cairn coll", "COMP_CWORD": "1", "PATH": "/usr/bin"}
        | {"_TYPER_COMPLETE_ARGS": "cairn coll", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "collections" in shown.stdout, shown.stderr
