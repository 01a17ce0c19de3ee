"""Every command, as its --help has it."""

from __future__ import annotations

from typing import Any

from app.cli.commands import command
from app.cli.examples import EXAMPLES, leaves
from app.cli.exits import Exit
from scripts.reference.markdown import code, escaped, table

_INTRODUCTION = """# Command line

`.venv/bin/cairn`, or `scripts/run COMMAND`. Commands talk to the server of `CAIRN_URL`, else of `cairn login`, else of this
folder's settings, with `CAIRN_API_KEY`, else the login's key, else the first key. `--json` prints JSON on standard output;
progress and errors go to standard error. `cairn --install-completion` has the shell complete commands and options.
"""
_EXITS = {
    Exit.OK: "it worked; an answer that says that the documents do not answer is one",
    Exit.FAILED: "it was tried and failed, at least for some of what was asked",
    Exit.USAGE: "words, options or settings that cannot be used",
    Exit.NO_SERVER: "no server answers there",
    Exit.NO_ACCESS: "no key, one that is not accepted, or one that may not do this",
    Exit.INTERRUPTED: "Ctrl-C; what was done stays, and `cairn ingest` goes on where it was",
}


def page() -> str:
    parts = [
        _INTRODUCTION,
        "## Exit codes\n",
        table(("code", ""), ((str(int(key)), told) for key, told in _EXITS.items())),
    ]
    for words, each in sorted(leaves(command()), key=lambda leaf: leaf[0]):
        parts.append(_command(words, each))
    return "\n".join(parts)


def _command(words: str, each: Any) -> str:
    """Its help without the examples, which stand in a block of their own."""
    shown = EXAMPLES.get(words, ())
    told = each.help.partition(f"    {shown[0]}")[0] if shown else each.help
    arguments = [parameter for parameter in each.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in each.params if parameter.param_type_name == "option"]
    usage = " ".join(["cairn", words, *(_usage(argument) for argument in arguments), "[OPTIONS]"])
    rows = [(code(argument.name.upper()), escaped(getattr(argument, "help", None) or "")) for argument in arguments]
    rows += [(code(", ".join((*option.opts, *option.secondary_opts))), escaped(_said(option))) for option in options]
    rows = [row for row in rows if row[0] != "`--help`"]
    lines = [f"## `cairn {words}`\n", escaped(told.strip()) + "\n", f"```text\n{usage}\n```\n", table(("", ""), rows)]
    if shown:
        lines.append("```text\n" + "\n".join(shown) + "\n```\n")
    return "\n".join(line for line in lines if line)


def _usage(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _said(option: Any) -> str:
    default = option.default
    told = option.help or ""
    if isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != "":
        told = f"{told} Default: `{default}`."
    return told.strip()
