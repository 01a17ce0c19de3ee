"""How a collection's questions are answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Task(StrEnum):
    """What is wanted of an answer; each has a prompt of its own (pipelines/query/prompts)."""

    ANSWER = "answer"
    SUMMARISE = "summarise"
    COMPARE = "compare"
    LIST = "list"


class Unsupported(StrEnum):
    """What becomes of a model's sentence that no passage holds."""

    DROP = "drop"
    FLAG = "flag"  # shown, and marked as unsupported


@dataclass(frozen=True, slots=True)
class Calibration:
    """From which confidence on questions are answered, so that wrong answers are at most a share `risk` of all questions.

    That holds with probability `certainty` over golden sets drawn as this one was, for the build and the model it was
    measured with.
    """

    threshold: float
    risk: float
    certainty: float
    generation_id: str
    model: str
    questions: int
    answered: int  # at this threshold
    wrong: int  # of the answered
    at: datetime


@dataclass(frozen=True, slots=True)
class Answering:
    """`task` None: each question says by itself what it wants."""

    unsupported: Unsupported = Unsupported.DROP
    task: Task | None = None
    calibration: Calibration | None = None
