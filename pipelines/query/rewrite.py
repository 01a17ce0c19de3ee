"""What a language model thinks that documents write for a question: phrases that are looked for beside its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.ports import Message
from pipelines.query.prompt import contained, template
from pipelines.query.terms import stems

_MOST = 4
_LONGEST = 80  # characters
_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s*")


def messages(question: str) -> list[Message]:
    """The conversation that asks for them."""
    return [
        Message("system", template("phrases").strip()),
        Message("user", f"<question>\n{contained(question)}\n</question>"),
    ]


def phrases(said: str, question: str) -> Sequence[str]:
    """Of the model's lines those that are phrases and say more than the question does; at most four."""
    own = stems(question)
    found: list[str] = []
    for line in said.splitlines():
        phrase = _MARK.sub("", line).strip().strip("\"'“”").strip()
        if 0 < len(phrase) <= _LONGEST and not stems(phrase) <= own and phrase not in found:
            found.append(phrase)
    return found[:_MOST]
