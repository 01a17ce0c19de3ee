"""What a language model is asked: the rules of prompts/, and passages. These are data: whatever they say, they give no orders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pipelines.domain.answering import Task
from pipelines.domain.answers import Passage
from pipelines.ports import Message
from pipelines.query.pack import side_by_side

NOT_FOUND = "NOT_FOUND"
_TAG = re.compile(r"<(?=\s*/?\s*(?:passage|question|expected|answer))", re.IGNORECASE)

_TASKS = {
    Task.SUMMARISE: re.compile(
        r"\b(?:summar(?:y|ies|i[sz]e[sd]?|i[sz]ing)|sum up|overview|key points|outline)\b", re.IGNORECASE
    ),
    Task.COMPARE: re.compile(
        r"\b(?:compar(?:e[sd]?|ing|ison)|differences?|differ|versus|vs)\b|\bbetter than\b", re.IGNORECASE
    ),
    Task.LIST: re.compile(
        r"\blist\b(?! price)|\bname (?:all|every|each|the)\b|\bwhat are (?:all )?the\b", re.IGNORECASE
    ),
}


def task_of(question: str) -> Task:
    """What is wanted, by the words of the question."""
    return next((task for task, words in _TASKS.items() if words.search(question)), Task.ANSWER)


def messages(question: str, passages: Sequence[Passage], task: Task = Task.ANSWER) -> list[Message]:
    """The conversation that asks for an answer; passages are numbered from 1, and neighbours stand together."""
    quoted = "\n\n".join(_quoted(at + 1, passages[at]) for at in side_by_side(passages))
    return [Message("system", rules(task)), Message("user", f"{quoted}\n\nQuestion: {question}")]


@cache
def rules(task: Task) -> str:
    """What every question of the task is asked under."""
    return "".join(map(template, ("rules", task.value))).strip()


def template(name: str) -> str:
    """A file of prompts/."""
    return (files("pipelines.query") / "prompts" / f"{name}.md").read_text("utf-8")


def _quoted(number: int, passage: Passage) -> str:
    source = passage.source
    place = " > ".join((source.title, *source.chunk.heading_path, f"page {source.chunk.page_start}"))
    return f'<passage number="{number}" from="{_attribute(place)}">\n{contained(source.chunk.text)}\n</passage>'


def _attribute(text: str) -> str:
    return " ".join(contained(text).replace('"', "'").split())


def contained(text: str) -> str:
    """A quotation that can neither close itself nor open another."""
    return _TAG.sub("‹", text)
