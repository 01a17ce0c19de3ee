"""A language model's word on whether an answer says what is expected. It counts beside the measures that need none."""

from __future__ import annotations

from importlib.resources import files

from pipelines.ports import Message
from pipelines.query.prompt import contained


def messages(question: str, expected: str, said: str) -> list[Message]:
    rules = (files("pipelines.query") / "prompts" / "judge.md").read_text("utf-8").strip()
    given = "\n\n".join(
        f"<{name}>\n{contained(text)}\n</{name}>"
        for name, text in (("question", question), ("expected", expected), ("answer", said))
    )
    return [Message("system", rules), Message("user", given)]


def verdict(reply: str) -> float | None:
    """1 for YES, 0 for NO, None for anything else."""
    word = reply.strip().strip(".*\"'").upper()
    return {"YES": 1.0, "NO": 0.0}.get(word)
