"""Imported by every Python process of the server under test: refuses and records each try to leave this machine."""

import ipaddress
import os
import sys

_record = os.environ["REFUSED_EGRESS_FILE"]
_local_names = {"localhost", "", None}


def _refuse(what: str) -> None:
    with open(_record, "a") as file:
        file.write(what + "\n")
    raise OSError(f"refused by the test: {what}")


def _is_loopback(host: object) -> bool:
    if host in _local_names:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            _refuse(f"{event} {address[0]}:{address[1]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not _is_loopback(arguments[0]):
        host = arguments[0]
        if host not in ("0.0.0.0", "::"):
            _refuse(f"{event} {host!r}")


sys.addaudithook(_audit)
