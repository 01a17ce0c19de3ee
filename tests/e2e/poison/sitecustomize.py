"""Imported by every Python process of the server under test: a worker that opens a poisonous file does as it says."""

import os
import signal
import sys
import time

_reading = False


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    global _reading
    if event != "open" or _reading or not isinstance(arguments[0], str) or not os.path.isfile(arguments[0]):
        return
    _reading = True
    try:
        with open(arguments[0], "rb") as file:
            poison = file.read(64)
    except OSError:
        return
    finally:
        _reading = False
    if poison.startswith(b"# POISON: die"):
        os.kill(os.getpid(), signal.SIGKILL)
    elif poison.startswith(b"# POISON: hang"):
        time.sleep(3_600)
    elif poison.startswith(b"# POISON: eat"):
        eaten = []
        while True:
            eaten.append(bytearray(64 << 20))


if "app.adapters.worker" in sys.orig_argv:
    sys.addaudithook(_audit)
