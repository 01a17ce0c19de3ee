"""/healthz, /readyz and /metrics: for machines, without a key, without a word about anyone's data."""

from __future__ import annotations

from http import HTTPStatus

import prometheus_client
from fastapi import APIRouter, Response

from app.api.auth import Use
from app.api.schemas import Readiness
from app.observability.metrics import REGISTRY
from app.services.health import ready, summary


class PrometheusText(Response):
    media_type = prometheus_client.CONTENT_TYPE_LATEST


router = APIRouter(tags=["health"])


@router.get("/healthz")
async def liveness() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readiness(services: Use, response: Response) -> Readiness:
    """Each dependency's state; 503 when one that is required does not answer."""
    states = await services.health.states()
    if not ready(states):
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(ready=ready(states), dependencies=summary(states))


@router.get("/metrics", response_class=PrometheusText)
async def metrics(services: Use) -> PrometheusText:
    """Prometheus text format."""
    await services.gauges.look()
    return PrometheusText(prometheus_client.generate_latest(REGISTRY))
