"""/v1/collections/{name}/pii"""

from __future__ import annotations

from http import HTTPStatus

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
async def put_policy(name: str, body: PolicyChange, principal: CollectionAdmin, services: Use) -> Policy:
    """From now on. Documents that are there are read again; what the new policy is stricter about answers no more until then."""
    rules = {entity: EntityRule(rule.action, rule.threshold) for entity, rule in body.rules.items()}
    return Policy.model_validate(await services.policies.put(principal, name, body.preset, rules, tuple(body.allow)))


@router.delete("")
async def delete_policy(name: str, principal: CollectionAdmin, services: Use) -> Policy:
    """As the server's settings say from now on."""
    return Policy.model_validate(await services.policies.remove(principal, name))


@router.post("/redo", status_code=HTTPStatus.ACCEPTED)
async def redo(name: str, principal: CollectionAdmin, services: Use) -> Policy:
    """Reads the documents that are there again: after an upgrade that finds more, or when the job of a change failed."""
    return Policy.model_validate(await services.policies.redo(principal, name))
