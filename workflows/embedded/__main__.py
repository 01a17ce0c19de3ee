"""Run the executor as a server: `python -m workflows.embedded --port 8288`. Any Inngest SDK app can be driven by it."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from workflows.embedded.executor import EmbeddedExecutor
from workflows.embedded.reducer import Limits

_EVENT_BYTES = 3 << 20  # what an Inngest server takes at most; self-hosted ones are told to take less


def main() -> None:
    options = _parse()
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    executor = EmbeddedExecutor(
        options.journal,
        event_key=options.event_key,
        signing_key=options.signing_key,
        limits=Limits(event_bytes=options.max_event_bytes),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with executor.serving():
            yield

    server = Starlette(lifespan=lifespan)
    server.mount("/", executor.api)
    uvicorn.run(server, host=options.host, port=options.port, log_level=options.log_level, access_log=False)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.embedded", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="default %(default)s")
    parser.add_argument("--journal", type=Path, default=Path("embedded.db"), help="default %(default)s")
    parser.add_argument("--event-key", default=os.environ.get("INNGEST_EVENT_KEY"), help="none: any is accepted")
    parser.add_argument("--signing-key", default=os.environ.get("INNGEST_SIGNING_KEY"), help="none: nothing is signed")
    parser.add_argument("--max-event-bytes", type=int, default=_EVENT_BYTES, help="default %(default)s")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    options = parser.parse_args()
    if options.signing_key is None and options.host not in ("127.0.0.1", "localhost", "::1"):
        parser.error(
            "without a signing key anybody could register functions: give one, or keep to the loopback address"
        )
    return options


if __name__ == "__main__":
    main()
