#!/usr/bin/env python
"""Kills the server at random while it watches a folder that changes; in the end its documents must be the folder's files.

    scripts/soak_sync.py --kills 15 --seed 7 [--database postgresql://...]

Files are written, changed, copied, moved and deleted between passes and during them, and the server is SIGKILLed at random
moments and started again. Then paths, contents and the state of every document are compared with the folder. Prints JSON;
exits 1 on any difference.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.e2e.folders import documents, settled
from tests.e2e.server import Server, finished

_SOURCES = "/v1/collections/default/sources"


class Folder:
    """Files that somebody works on."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path = path
        self.chance = chance
        path.mkdir(parents=True)

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.path)): path.read_bytes() for path in self.path.rglob("*.md")}

    def change(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            files = sorted(self.path.rglob("*.md"))
            how = self.chance.choice("aamdrc") if len(files) > 3 else "a"
            if how == "a":
                self._write(self.path / self.chance.choice(["", "x/", "x/y/"]) / self._name("new"))
                continue
            file = self.chance.choice(files)
            if how == "m":
                self._write(file)
            elif how == "d":
                file.unlink()
            elif how == "r":
                file.rename(self.path / self._name("moved"))
            else:
                shutil.copy(file, self.path / self._name("copy"))

    def _name(self, kind: str) -> str:
        return f"{kind}-{self.chance.randrange(10**9)}.md"

    def _write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = self.chance.random()
        path.write_text(f"# Note {number}\n\n" + f"Item {number} rests in the archive. " * self.chance.randint(1, 4))


def soak(base: Path, kills: int, chance: random.Random, database: str | None) -> dict[str, Any]:
    folder = Folder(base / "root" / "papers", chance)
    settings = {"CAIRN_SYNC_ROOTS": str(base / "root"), "CAIRN_SYNC_SETTLE_S": "0", "CAIRN_RETRY_WAIT_S": "0.2"}
    server = Server(base / "data", settings | ({"CAIRN_DATABASE_URL": database} if database else {})).start()
    try:
        for _ in range(12):
            folder.change()
        with server.client() as client:
            source = client.post(_SOURCES, json={"path": str(folder.path)}).json()
        sync = f"{_SOURCES}/{source['id']}/sync"
        for _ in range(kills):
            folder.change()
            with server.client() as client:
                client.post(sync, json={"accept_removals": True})
            if chance.random() < 0.5:
                folder.change()
            time.sleep(chance.random() * 1.5)
            server.kill()
            server.start()
        with server.client() as client:
            for _ in range(2):  # the pass that goes on, and one that sees all of it
                settled(client, source["id"])
                finished(client, client.post(sync, json={"accept_removals": True}).json()["id"])
            settled(client, source["id"])
            files, found = folder.files(), documents(client)
            wrong = [
                path
                for path in set(files) & set(found)
                if client.get(f"/v1/documents/{found[path]['id']}/content").content != files[path]
                or found[path]["status"] != "ready"
            ]
        return {
            "kills": kills,
            "files": len(files),
            "missing": sorted(set(files) - set(found)),
            "left": sorted(set(found) - set(files)),
            "wrong": wrong,
        }
    finally:
        server.stop()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--kills", type=int, default=15)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--database", help="a PostgreSQL database of its own; default: SQLite")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as base:
        result = soak(Path(base), given.kills, random.Random(given.seed), given.database)
    print(json.dumps(result, indent=2))
    return int(bool(result["missing"] or result["left"] or result["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
