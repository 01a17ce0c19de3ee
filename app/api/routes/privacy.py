"""/v1/collections/{name}/pii"""

from __future__ import annotations

from fastapi import APIRouter

from app.api.auth import CollectionAdmin, Reader, Use
from app.api.privacy_schemas import Policy, PolicyChange
from app.api.responses import problems
from pipelines.domain.privacy import EntityRule

router = APIRouter(prefix="/v1/collections/{name}/pii", tags=["collections"], responses=problems(403, 404))


@router.get("")
def get_policy(name: str, principal: Reader, services: Use) -> Policy:
    """What becomes of personal data in documents, questions, answers, titles and names of files."""
    return Policy.model_validate(services.policies.get(principal, name))


@router.put("")
def put_policy(name: str, body: PolicyChange, principal: CollectionAdmin, services: Use) -> Policy:
    """From now on; documents that are there already keep how they were read."""
    rules = {entity: EntityRule(rule.action, rule.threshold) for entity, rule in body.rules.items()}
    return Policy.model_validate(services.policies.put(principal, name, body.preset, rules, tuple(body.allow)))


@router.delete("")
def delete_policy(name: str, principal: CollectionAdmin, services: Use) -> Policy:
    """As the server's settings say from now on."""
    return Policy.model_validate(services.policies.remove(principal, name))
