"""What a cluster goes through while people use it, and what came of it."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from cluster.parts import AUTHORISED, Cluster


class Load:
    """People who upload and ask all the time, through the one door."""

    def __init__(self, url: str, every_s: float) -> None:
        self._url = url
        self._every_s = every_s
        self._over = threading.Event()
        self.accepted: dict[int, str] = {}  # number -> document id
        self.uploads: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.waits_s: list[float] = []
        self._threads = [threading.Thread(target=self._upload), threading.Thread(target=self._ask)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _upload(self) -> None:
        number = 0
        with httpx.Client(base_url=self._url, headers=AUTHORISED, timeout=60, trust_env=False) as client:
            while not self._over.wait(self._every_s):
                text = (
                    f"# Locker {number}\n\nThe code of locker {number} is kept by the porter of house {number * 7}.\n"
                )
                try:
                    reply = client.post("/v1/documents", files={"file": (f"locker-{number}.md", text)})
                except httpx.HTTPError as error:
                    self.uploads[type(error).__name__] += 1
                    continue  # not accepted: sent again
                self.uploads[str(reply.status_code)] += 1
                if reply.status_code in (200, 202):
                    self.accepted[number] = reply.json()["documents"][0]["document_id"]
                    number += 1

    def _ask(self) -> None:
        number = 0
        with httpx.Client(base_url=self._url, headers=AUTHORISED, timeout=60, trust_env=False) as client:
            while not self._over.wait(self._every_s):
                number += 1
                query = {"query": f"Who keeps the code of locker {number % 50}?", "stream": False}
                began = time.monotonic()
                try:
                    reply = client.post("/v1/query", json=query)
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1
                    continue
                self.waits_s.append(time.monotonic() - began)
                degraded = reply.json().get("degraded") if reply.status_code == 200 else None
                self.answers["degraded" if degraded else str(reply.status_code)] += 1


def lost(url: str, accepted: Mapping[int, str], within_s: float) -> list[str]:
    """Of the accepted uploads, those that are not ready in the end, or whose words no search finds."""
    deadline, missing = time.monotonic() + within_s, dict(accepted)
    with httpx.Client(base_url=url, headers=AUTHORISED, timeout=60, trust_env=False) as client:
        while missing and time.monotonic() < deadline:
            for number, document_id in list(missing.items()):
                if client.get(f"/v1/documents/{document_id}").json().get("status") != "ready":
                    continue
                found = client.post("/v1/search", json={"query": f"porter of house {number * 7}", "top_k": 20}).json()
                if any(each["document_id"] == document_id for each in found.get("passages", ())):
                    del missing[number]
            time.sleep(1)
    return sorted(missing.values())


def drill(cluster: Cluster, outage_s: float, calm_s: float, every_s: float) -> dict[str, object]:
    outages = {}
    with Load(cluster.url, every_s) as load:
        time.sleep(calm_s)
        for part in cluster.parts.values():
            if part.name == "nginx":
                continue  # the door itself
            before = Counter(load.answers)
            began = time.monotonic()
            print(f"{part.name} is gone for {outage_s:g} s ...", file=sys.stderr, flush=True)
            part.fail(outage_s)
            back_s = time.monotonic() - began
            time.sleep(calm_s)
            outages[part.name] = {"back_s": round(back_s, 1), "answers": dict(load.answers - before)}
    print(f"{len(load.accepted)} uploads were accepted; waiting for them ...", file=sys.stderr, flush=True)
    waits = sorted(load.waits_s)
    return {
        "outages": outages,
        "uploads": dict(load.uploads),
        "answers": dict(load.answers),
        "answer_p50_s": round(waits[len(waits) // 2], 3),
        "answer_p99_s": round(waits[int(len(waits) * 0.99)], 3),
        "accepted": len(load.accepted),
        "lost": lost(cluster.url, load.accepted, 300),
    }


def rolling(cluster: Cluster, per_second: float) -> dict[str, object]:
    """What questions that come at this rate, whoever waits, were answered while every process of Cairn was replaced in turn."""
    answers: Counter[str] = Counter()
    waits_s: list[float] = []
    over = threading.Event()
    text = "# Locker 1\n\nThe code of locker 1 is kept by the porter of house 7.\n"
    upload = {"file": ("locker.md", text)}
    with httpx.Client(
        base_url=cluster.url, headers=AUTHORISED, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=200)
    ) as client:
        document = client.post("/v1/documents", files=upload).json()["documents"][0]["document_id"]
        if lost(cluster.url, {1: document}, 120):
            raise SystemExit("the first document was not indexed")

        def ask(number: int) -> None:
            began = time.monotonic()
            try:
                reply = client.post("/v1/search", json={"query": f"Who keeps the code of locker 1? {number}"})
                answers[str(reply.status_code)] += 1
            except httpx.HTTPError as error:
                answers[type(error).__name__] += 1
            waits_s.append(time.monotonic() - began)

        def come() -> None:
            began, number = time.monotonic(), 0
            with ThreadPoolExecutor(200) as people:
                while not over.is_set():
                    people.submit(ask, number)
                    number += 1
                    time.sleep(max(0.0, began + number / per_second - time.monotonic()))

        coming = threading.Thread(target=come)
        coming.start()
        began = time.monotonic()
        try:
            time.sleep(3)
            for name in ("worker", "api-1", "api-2"):
                print(f"replacing {name} ...", file=sys.stderr, flush=True)
                cluster.parts[name].replace()
                time.sleep(3)
        finally:
            over.set()
            coming.join()
    waits_s.sort()
    failed = sum(number for outcome, number in answers.items() if outcome != "200")
    return {
        "seconds": round(time.monotonic() - began, 1),
        "answers": dict(answers),
        "failed": failed,
        "p50_s": round(waits_s[len(waits_s) // 2], 3),
        "p99_s": round(waits_s[int(len(waits_s) * 0.99)], 3),
        "lost": [],
    }
