"""Which server the commands talk to, and as whom."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from app.cli.credentials import Credentials
from app.cli.exits import Failure
from app.client import Cairn, NoCredentials, Retries
from app.settings import Settings

FIRST_KEY_FILE = "first-key"


def connect(settings: Settings, retries: Retries | None = None, sleep: Callable[[float], object] = time.sleep) -> Cairn:
    """Raises Failure, NoCredentials."""
    return Cairn(*server(settings), retries=retries, sleep=sleep)


def server(settings: Settings) -> tuple[str, str]:
    """Address and key: `CAIRN_URL`, else where `cairn login` was, else the server of these settings; `CAIRN_API_KEY`, else the
    key of that login. A key goes to its own server only: the first key to none but the one of these settings.

    Raises Failure, NoCredentials.
    """
    kept = Credentials.load()
    address = address_of(os.environ.get("CAIRN_URL") or kept.current or settings.address)
    if key := os.environ.get("CAIRN_API_KEY") or kept.keys.get(address):
        return address, key
    if address == address_of(settings.address):
        return address, api_key(settings)
    raise NoCredentials(f"There is no key for {address}: set CAIRN_API_KEY, or: cairn login {address}")


def address_of(url: str) -> str:
    """As servers are told apart. Raises Failure."""
    try:
        parts = urlsplit(url.strip())
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        known = False
    if not known or parts.username is not None or parts.query or parts.fragment:
        raise Failure(f"{url!r} is not the address of a server, such as https://cairn.example.org")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def api_key(settings: Settings) -> str:
    """Of the server of these settings. Raises NoCredentials."""
    if key := os.environ.get("CAIRN_API_KEY"):
        return key
    if settings.bootstrap_key is not None:
        return settings.bootstrap_key.get_secret_value()
    path = settings.data_dir / FIRST_KEY_FILE
    try:
        return path.read_text().strip()
    except OSError:
        raise NoCredentials(
            f"No API key: set CAIRN_API_KEY, or `cairn login URL`, or start a server here first ({path} is not there)."
        ) from None
