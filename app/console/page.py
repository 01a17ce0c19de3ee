"""Serves the console. Its files lie in static/ as the browser gets them: nothing is built.

They are served under a digest of them all, so that a browser keeps them until one changes and never mixes two releases. One
is the same for all releases: it sees to it that the page is whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from pipelines.domain.errors import NotFound

_STATIC = Path(__file__).parent / "static"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_WHOLE = "whole.js"
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Console:
    """`dashboard`: where people see the workflow engine's runs, where there is one. `provider`: whether the organisation's
    identity provider lets people in."""

    dashboard: str = ""
    provider: bool = False


def install(app: FastAPI, console: Console) -> None:
    """Adds `/` and what the page loads."""
    files = {
        path.relative_to(_STATIC).as_posix(): path.read_bytes()
        for path in sorted(_STATIC.rglob("*"))
        if path.suffix in _MEDIA_TYPES
    }
    digest = _digest(files)
    page = _page(console, f"/console/{digest}")

    @app.get("/", include_in_schema=False)
    async def console_page() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy()})

    @app.get(f"/console/{_WHOLE}", include_in_schema=False)
    async def whole() -> Response:
        return Response(files[_WHOLE], media_type=_MEDIA_TYPES[".js"], headers={"Cache-Control": "no-cache"})

    @app.get("/console/{release}/{path:path}", include_in_schema=False)
    async def console_file(release: str, path: str) -> Response:
        if release != digest or path not in files:
            raise NotFound("The console has no such file; reload the page.")
        return Response(files[path], media_type=_MEDIA_TYPES[Path(path).suffix], headers=_KEPT)


def policy() -> str:
    """What the page may do: run and show what comes from here, talk to here. No text ever becomes markup or script (Trusted
    Types without a policy); pictures of pages are fetched with the key, and so come as blobs."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _page(console: Console, base: str) -> str:
    template = Template((_STATIC / "index.html").read_text("utf-8"))
    provider = "yes" if console.provider else ""
    return template.substitute(base=base, dashboard=escape(console.dashboard, quote=True), provider=provider)


def _digest(files: Mapping[str, bytes]) -> str:
    found = hashlib.sha256()
    for name, content in files.items():
        found.update(f"{name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()[:16]
