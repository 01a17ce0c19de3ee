"""/v1/admin"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from app.api.auth import Admin, Use
from app.api.schemas import Applied, CacheLevel, Caches, Cleared, Job, Readiness
from app.services.health import ready, summary

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.post("/reconcile", status_code=HTTPStatus.ACCEPTED)
async def reconcile(principal: Admin, services: Use) -> Job:
    """Compares indexes and files with the catalog, and mends them, as is done every night; the job's steps count it."""
    return Job.model_validate(await services.reconciles.request(principal))


@router.post("/retention")
async def apply_retention(principal: Admin, services: Use) -> Applied:
    """Deletes the tenant's documents that were kept for as long as their collections say, as is done every hour."""
    return Applied(deleted=await services.retention.apply(principal.tenant_id))


@router.get("/health")
async def get_health(_: Admin, services: Use) -> Readiness:
    """What `/readyz` tells machines, for people: each dependency's state."""
    states = await services.health.states()
    return Readiness(ready=ready(states), dependencies=summary(states))


@router.get("/caches")
def get_caches(principal: Admin, services: Use) -> Caches:
    """What the cache holds for the tenant, by level; the vectors are of no tenant."""
    return Caches(levels=CacheLevel.each(services.caches.levels(principal)))


@router.delete("/caches")
def clear_caches(principal: Admin, services: Use) -> Cleared:
    """Removes the tenant's answers and search results; they are made anew when they are asked for."""
    return Cleared(removed=services.caches.clear(principal))
