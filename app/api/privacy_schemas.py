"""Shapes of a collection's policy for personal data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.api.schemas import Schema
from pipelines.domain.privacy import PiiAction

Allowed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class EntityRule(Schema):
    action: PiiAction
    threshold: float = Field(0.5, ge=0, le=1, description="the detector's score from which the rule applies")


class PolicyChange(Schema):
    """A policy that comes with the product, with rules of one's own instead of its."""

    preset: Literal["default", "strict", "off"] = "default"
    rules: dict[str, EntityRule] = Field(default={}, max_length=100, description="by entity, such as EMAIL_ADDRESS")
    allow: list[Allowed] = Field(
        default=[], max_length=1_000, description='what stays, such as "*@example.org"; * is any run without spaces'
    )


class Policy(Schema):
    id: str = Field(description="changes with any rule")
    recognisers: str = Field(description="what finds personal data, with its version")
    own: bool = Field(description="false: as the server's settings say")
    rules: Mapping[str, EntityRule]
    allow: list[str]
    documents: Mapping[str, int] = Field(description="that you may read, by the policy they were read under")
    job_id: str | None = Field(description="of the job that reads documents again, where this starts one")
    note: str | None = Field(description="what is to be done, where documents were read under another policy")


class Reveal(Schema):
    placeholder: str = Field(
        min_length=3, max_length=100, description='as it stands in the text: "<EMAIL_3fa9c1d200e4b716>"'
    )


class Revealed(Schema):
    placeholder: str
    value: str
