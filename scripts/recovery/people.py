"""Two tenants and their people, and what they go on doing while a backup is made."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
from cluster.parts import KEY

from recovery.systems import System

What = Literal["upload", "replace", "share", "delete"]


@dataclass(frozen=True)
class People:
    """Secrets of keys, by whose they are. `desk` works all the time; nobody else may read what it writes."""

    keys: dict[str, str]

    @classmethod
    def of(cls, system: System) -> People:
        rival = str(system.cairn("tenants", "create", "rival")["secret"])
        keys = {"admin": KEY, "rival": rival}
        with client(system.url, KEY) as http:
            for name, groups, role in (
                ("ada", ["archive"], "editor"),
                ("bob", ["archive"], "reader"),
                ("eve", [], "reader"),
                ("desk", ["desk"], "editor"),
            ):
                wanted = {"name": name, "user": name, "groups": groups, "roles": [role]}
                keys[name] = http.post("/v1/admin/keys", json=wanted).raise_for_status().json()["secret"]
        return cls(keys)

    @contextmanager
    def at(self, url: str, *names: str) -> Iterator[dict[str, httpx.Client]]:
        clients = {name: client(url, self.keys[name]) for name in names or self.keys}
        try:
            yield clients
        finally:
            for each in clients.values():
                each.close()


def client(url: str, key: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120, trust_env=False, verify=False
    )


@dataclass
class Act:
    """One change of a document; `acked` is None for as long as nobody said that it is done. Times are monotonic seconds."""

    what: What
    document_id: str
    began: float
    acked: float | None = None
    sha256: str = ""
    readers: Sequence[str] = ()
    erasure_id: str = ""


@dataclass
class Desk:
    """Uploads a document, replaces it, changes who reads it, and deletes every third; others ask. Until it is told to end, or its
    system is gone."""

    people: People
    url: str
    questions: Sequence[tuple[str, str]]
    every_s: float = 0.15
    acts: list[Act] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)
    _uploaded: list[str] = field(default_factory=list)

    def __enter__(self) -> Desk:
        self._threads = [threading.Thread(target=run) for run in (self._upload, self._change, self._ask)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _upload(self) -> None:
        with client(self.url, self.people.keys["desk"]) as http:
            number = 0
            while not self._over.wait(self.every_s):
                number += 1
                content = _note(number, "first")
                act = Act("upload", "", time.monotonic(), sha256=_sha256(content), readers=("group:desk",))
                file = {"file": (f"desk-{number}.md", content)}
                fields = {"readers": "group:desk"}
                reply = self._send(act, partial(http.post, "/v1/documents", files=file, data=fields))
                if reply is not None:
                    act.document_id = reply["documents"][0]["document_id"]
                    self._uploaded.append(act.document_id)

    def _change(self) -> None:
        with client(self.url, self.people.keys["desk"]) as http:
            number = 0
            while not self._over.wait(self.every_s):
                if number >= len(self._uploaded):
                    continue
                document_id, number = self._uploaded[number], number + 1
                content = _note(number, "second")
                act = Act("replace", document_id, time.monotonic(), sha256=_sha256(content))
                file = {"file": (f"desk-{number}.md", content)}
                fields = {"document_id": document_id}
                self._send(act, partial(http.post, "/v1/documents", files=file, data=fields))
                readers = ["group:desk", f"user:clerk-{number}"]
                act = Act("share", document_id, time.monotonic(), readers=tuple(readers))
                self._send(act, partial(http.patch, f"/v1/documents/{document_id}", json={"readers": readers}))
                if number % 3 == 0:
                    act = Act("delete", document_id, time.monotonic())
                    if (gone := self._send(act, partial(http.delete, f"/v1/documents/{document_id}"))) is not None:
                        act.erasure_id = gone["erasure_id"]

    def _send(self, act: Act, send: Callable[[], httpx.Response]) -> dict[str, Any] | None:
        self.acts.append(act)
        try:
            reply = send()
        except httpx.HTTPError as error:
            if not self._over.is_set():
                self.outcomes[f"{act.what}: {type(error).__name__}"] += 1
            return None
        self.outcomes[f"{act.what}: {reply.status_code}"] += 1
        if not reply.is_success:
            return None
        act.acked = time.monotonic()
        return dict(reply.json())

    def _ask(self) -> None:
        number = 0
        with self.people.at(self.url) as clients:
            while not self._over.wait(self.every_s):
                number += 1
                who, text = self.questions[number % len(self.questions)]
                try:
                    reply = clients[who].post("/v1/query", json={"query": text, "stream": False})
                except httpx.HTTPError as error:
                    if not self._over.is_set():
                        self.outcomes[f"question: {type(error).__name__}"] += 1
                    continue
                self.outcomes[f"question: {reply.status_code}"] += 1

    def end_with(self, death: Callable[[], None]) -> float:
        """The system dies now, in the middle of everything; when it did."""
        at = time.monotonic()
        self._over.set()
        death()
        return at


def _note(number: int, which: str) -> bytes:
    text = f"# Locker {number}\n\nThe {which} code of locker {number} is kept by the porter of house {number * 7}.\n"
    return text.encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def notes(folder: Path, number: int) -> list[Path]:
    """Short documents of the archive; of every fourth there is a second version."""
    made = []
    for each in range(number):
        path = folder / f"rules-{each}.md"
        path.write_text(
            f"# House {each}\n\nThe gate of house {each} closes at {each % 12 + 1} in the evening.\n\n"
            f"Its caretaker lives on floor {each * 3 % 17} and has the keys of {each * 5 % 23} rooms.\n"
        )
        made.append(path)
    return made
