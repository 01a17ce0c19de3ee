"""`cairn serve`."""

from __future__ import annotations

import sys

import uvicorn

from app.bootstrap import assemble, secrets_of
from app.cli import show
from app.cli.connections import TimedHeads
from app.cli.exits import Failure
from app.observability import logs
from app.settings import Settings
from pipelines.domain.errors import ConfigurationError

_SWITCH_S = 0.001  # after which a thread that works hands over to one that answers; Python's own 5 ms add up
# Longer than clients and proxies keep a connection for another request (httpx 5 s, nginx 60 s): who closes first while the other
# sends makes a request fail.
_IDLE_S = 75


def run(settings: Settings) -> None:
    """Serves until it is told to stop. Raises Failure when it cannot start."""
    try:
        logs.configure(settings.log_level, settings.log_format, secrets_of(settings))
        assembly = assemble(settings)
        assembly.check()
        secret, is_new = assembly.first_key()
    except ConfigurationError as error:
        raise Failure(error.detail) from error
    except OSError as error:
        raise Failure(
            f"{error.filename or settings.data_dir.resolve()} cannot be written: {error.strerror}."
        ) from error
    show.err.print(f"Cairn on [bold]{settings.address}[/], data in {settings.data_dir.resolve()}", highlight=False)
    if is_new:
        show.err.print(f"First API key: [bold]{secret}[/]  (again with: cairn keys first)", highlight=False)
        show.err.print(f"Open [bold]{settings.address}/#key={secret}[/] to begin", highlight=False, soft_wrap=True)
    sys.setswitchinterval(_SWITCH_S)
    uvicorn.run(
        assembly.application(),
        http=TimedHeads,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=_IDLE_S,
    )
