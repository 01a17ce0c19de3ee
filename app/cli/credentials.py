"""Keys that `cairn login` keeps, by server: a file that its owner alone may read."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from pydantic import BaseModel, ValidationError

from app.cli import folders
from app.cli.exits import Failure

FILE = "credentials.json"


class Credentials(BaseModel):
    """`current` is the server that commands talk to when nothing else is said; `keys` by address."""

    current: str | None = None
    keys: dict[str, str] = {}

    @classmethod
    def load(cls) -> Credentials:
        """Raises Failure."""
        path = _path()
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise Failure(f"{path} cannot be read: {error.strerror}.") from error
        if mode & 0o077:
            raise Failure(f"{path} holds keys and others may read it. Make it yours: chmod 600 {path}")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise Failure(f"{path} is not what `cairn login` writes; remove it and log in again.") from error

    def save(self) -> None:
        """Raises Failure."""
        path = _path()
        try:
            if self.keys:
                folders.write(path, json.dumps(self.model_dump(), indent=2) + "\n")
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror}.") from error

    def with_key(self, address: str, key: str) -> Credentials:
        return Credentials(current=address, keys=self.keys | {address: key})

    def without(self, address: str) -> Credentials:
        keys = {known: key for known, key in self.keys.items() if known != address}
        return Credentials(current=None if self.current == address else self.current, keys=keys)


def _path() -> Path:
    return folders.configuration() / FILE
