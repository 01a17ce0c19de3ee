"""Requests are counted under names that we gave, whatever clients send."""

from __future__ import annotations

import httpx
from fastapi import APIRouter, FastAPI

from app.observability.metrics import REGISTRY
from app.observability.requests import RequestMetrics


def count(**labels: str) -> float:
    return REGISTRY.get_sample_value("cairn_http_requests_total", labels) or 0


def application() -> FastAPI:
    inner, outer, app = APIRouter(), APIRouter(prefix="/v9"), FastAPI()

    @inner.get("/things/{thing_id}")
    async def thing(thing_id: str) -> dict[str, str]:
        return {"id": thing_id}

    outer.include_router(inner)
    app.include_router(outer)
    app.add_middleware(RequestMetrics)
    return app


async def test_a_route_in_a_router_in_a_router_has_its_whole_template() -> None:
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://cairn") as client:
        for number in range(3):
            await client.get(f"/v9/things/{number}")
    assert count(method="GET", route="/v9/things/{thing_id}", status="200") == 3


async def test_neither_paths_nor_methods_that_a_client_makes_up_become_series() -> None:
    before = {
        sample.labels["route"] for metric in REGISTRY.collect() for sample in metric.samples if "route" in sample.labels
    }
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://cairn") as client:
        for number in range(5):
            await client.request(f"BREW{number}", f"/coffee/{number}")
    samples = [sample.labels for metric in REGISTRY.collect() for sample in metric.samples]
    assert {labels["route"] for labels in samples if "route" in labels} - before <= {"unmatched"}
    assert not {labels["method"] for labels in samples if labels.get("method", "").startswith("BREW")}
    assert count(method="OTHER", route="unmatched", status="404") == 5
