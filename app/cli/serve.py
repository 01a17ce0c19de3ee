"""`cairn serve`."""

from __future__ import annotations

import uvicorn

from app.bootstrap import assemble
from app.cli import show
from app.observability import logs
from app.settings import Settings


def run(settings: Settings) -> None:
    """Serves until it is told to stop."""
    logs.configure(settings.log_level, settings.log_format)
    assembly = assemble(settings)
    show.err.print(f"Cairn on [bold]{settings.address}[/], data in {settings.data_dir.resolve()}", highlight=False)
    secret, is_new = assembly.first_key()
    if is_new:
        show.err.print(f"First API key: [bold]{secret}[/]  (again with: cairn keys first)", highlight=False)
    uvicorn.run(
        assembly.application(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
