"""The cluster on one machine, without containers: PostgreSQL, Redis, a Chroma server, an S3 server, a workflow engine, two API
processes and a worker behind nginx. Under load each of them is killed and started again; then everything must be there.

    .venv/bin/python scripts/cluster_local.py                 # the drill; prints figures as JSON, exit code 1 if anything is lost
    .venv/bin/python scripts/cluster_local.py --rolling       # the processes of Cairn are replaced under 20 questions/s
    .venv/bin/python scripts/cluster_local.py --hold          # only starts it, for you to use, until Ctrl-C

The engine is the Inngest server named by INNGEST_BIN, else the embedded executor in a process of its own. Needs PostgreSQL's
programs, redis-server and nginx (Debian: postgresql redis-server nginx-light).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import httpx

ROOT = Path(__file__).parents[1]
KEY = "cluster-local-key"
SECRETS = {"event": "local", "signing": "ab" * 32, "s3": "local-s3-secret"}
AUTHORISED = {"Authorization": f"Bearer {KEY}"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Part:
    """A program of the cluster. `ready` returns when it answers and raises OSError or HTTPError while it does not."""

    name: str
    command: list[str]
    ready: Callable[[], object]
    environment: Mapping[str, str] = field(default_factory=dict)
    frozen: bool = False  # its memory is all it has: an outage is a stop, not a death
    process: subprocess.Popen[bytes] | None = None
    folder: Path = Path()
    user: str | None = None

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                user=self.user,
                group=self.user,
            )
        self.wait()

    def wait(self, within_s: float = 120) -> None:
        deadline = time.monotonic() + within_s
        while True:
            try:
                self.ready()
            except (OSError, httpx.HTTPError):
                if time.monotonic() > deadline:
                    raise SystemExit(f"{self.name} does not answer: {self.folder / self.name}.log") from None
                time.sleep(0.1)
            else:
                return

    def fail(self, outage_s: float) -> None:
        """It is gone for so long, and comes back."""
        assert self.process is not None
        if self.frozen:
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(outage_s)
            self.process.send_signal(signal.SIGCONT)
        else:
            self.process.kill()
            self.process.wait()
            time.sleep(outage_s)
            self.start()
        self.wait()

    def replace(self) -> None:
        """As a rolling update does: told to end, ended, and a new one started."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)
        self.start()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()


def connects(port: int) -> Callable[[], object]:
    return lambda: socket.create_connection(("127.0.0.1", port), 1).close()


def answers(url: str) -> Callable[[], object]:
    return lambda: httpx.get(url, timeout=2, trust_env=False).raise_for_status()


def passes(command: list[str]) -> Callable[[], object]:
    def ready() -> None:
        if subprocess.run(command, check=False).returncode != 0:
            raise ConnectionRefusedError

    return ready


def postgres(folder: Path, port: int) -> Part:
    """A server of our own, so that it may be killed. PostgreSQL refuses to run as root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        raise SystemExit("No PostgreSQL (Debian: postgresql).")
    data, home = folder / "postgres", programs[-1].parent
    data.mkdir()
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(data, user, user)
    make = [home / "initdb", "-D", data, "-U", "cairn", "-A", "trust"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd="/", user=user, group=user)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={data}"]
    ready = [str(home / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return Part("postgres", [str(home / "postgres"), "-D", str(data), *options], passes(ready), user=user)


def engine(folder: Path, port: int, worker: int, redis: int) -> Part:
    if binary := os.environ.get("INNGEST_BIN"):
        options = {
            "event-key": SECRETS["event"],
            "signing-key": SECRETS["signing"],
            "sdk-url": f"http://127.0.0.1:{worker}/api/inngest",
            "redis-uri": f"redis://127.0.0.1:{redis}/0",
            "sqlite-dir": str(folder),
            "port": str(port),
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        return Part("engine", [binary, "start", *arguments], answers(f"http://127.0.0.1:{port}/health"))
    arguments = ["--port", str(port), "--journal", str(folder / "engine.db")]
    keys = ["--event-key", SECRETS["event"], "--signing-key", SECRETS["signing"]]
    return Part("engine", [sys.executable, "-m", "workflows.embedded", *arguments, *keys], connects(port))


def nginx(folder: Path, port: int, apis: list[int]) -> Part:
    """Questions are asked of the other process when one is gone; what was uploaded is not sent twice."""
    servers = "".join(f"server 127.0.0.1:{api} max_fails=0; " for api in apis)
    (folder / "nginx.conf").write_text(
        f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-errors.log; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 200m; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream api {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 300s;
    proxy_connect_timeout 2s;
    location / {{ proxy_pass http://api; proxy_next_upstream error timeout; }}
    location ~ ^/v1/(query|search)$ {{ proxy_pass http://api; proxy_next_upstream error timeout non_idempotent; }}
  }}
}}
"""
    )
    return Part("nginx", ["nginx", "-c", str(folder / "nginx.conf")], connects(port))


class Cluster:
    """Everything, in the order in which it starts."""

    def __init__(self, folder: Path) -> None:
        for program in ("redis-server", "nginx"):
            if shutil.which(program) is None:
                raise SystemExit(f"No {program} (Debian: redis-server nginx-light).")
        ports = {
            name: free_port()
            for name in ("postgres", "redis", "chroma", "s3", "engine", "api-1", "api-2", "worker", "nginx")
        }
        self.url = f"http://127.0.0.1:{ports['nginx']}"
        s3 = f"http://127.0.0.1:{ports['s3']}"
        settings = {
            "CAIRN_BOOTSTRAP_KEY": KEY,
            "CAIRN_SIGNING_KEY": SECRETS["signing"],
            "CAIRN_DATABASE_URL": f"postgresql://cairn@127.0.0.1:{ports['postgres']}/postgres",
            "CAIRN_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/1",
            "CAIRN_CHROMA_URL": f"http://127.0.0.1:{ports['chroma']}",
            "CAIRN_BLOB_URL": f"{s3}/cairn",
            "CAIRN_BLOB_ACCESS_KEY": "local",
            "CAIRN_BLOB_SECRET_KEY": SECRETS["s3"],
            "CAIRN_OLLAMA_URL": "",
            "CAIRN_RETRY_WAIT_S": "1",
            "INNGEST_BASE_URL": f"http://127.0.0.1:{ports['engine']}",
            "INNGEST_EVENT_KEY": SECRETS["event"],
            "INNGEST_SIGNING_KEY": SECRETS["signing"],
            "INNGEST_SERVE_ORIGIN": f"http://127.0.0.1:{ports['worker']}",
        }

        def cairn(name: str) -> Part:
            own = {"CAIRN_DATA_DIR": str(folder / name), "CAIRN_PORT": str(ports[name])}
            command = [sys.executable, "-m", "app.cli", "serve"]
            return Part(name, command, answers(f"http://127.0.0.1:{ports[name]}/healthz"), {**settings, **own})

        chroma = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder / "chroma")]
        redis = ["redis-server", "--port", str(ports["redis"]), "--dir", str(folder), "--appendonly", "yes"]
        moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(ports["s3"])]
        parts = [
            postgres(folder, ports["postgres"]),
            Part("redis", [*redis, "--appendfsync", "always"], connects(ports["redis"])),
            Part("chroma", [*chroma, "--host", "127.0.0.1", "--port", str(ports["chroma"])], connects(ports["chroma"])),
            Part("s3", moto, answers(f"{s3}/moto-api/data.json"), frozen=True),
            engine(folder, ports["engine"], ports["worker"], ports["redis"]),
            *map(cairn, ("worker", "api-1", "api-2")),
            nginx(folder, ports["nginx"], [ports["api-1"], ports["api-2"]]),
        ]
        self.parts = {part.name: part for part in parts}
        for part in parts:
            part.folder = folder
        self._s3 = s3

    def start(self) -> None:
        for part in self.parts.values():
            print(f"starting {part.name} ...", file=sys.stderr, flush=True)
            part.start()
            if part.name == "s3":
                given = {"aws_access_key_id": "local", "aws_secret_access_key": SECRETS["s3"]}
                boto3.client("s3", endpoint_url=self._s3, region_name="us-east-1", **given).create_bucket(
                    Bucket="cairn"
                )

    def stop(self) -> None:
        for part in reversed(self.parts.values()):
            part.stop()


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold", action="store_true", help="start it and wait")
    parser.add_argument("--rolling", action="store_true", help="replace the processes of Cairn one by one")
    parser.add_argument("--per-second", type=float, default=20, help="questions, while they are replaced")
    parser.add_argument("--outage", type=float, default=3, help="seconds that each part is gone")
    parser.add_argument("--calm", type=float, default=5, help="seconds between outages")
    parser.add_argument("--every", type=float, default=0.3, help="seconds between uploads, and between questions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cairn-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        cluster = Cluster(folder)
        try:
            cluster.start()
            if arguments.hold:
                print(f"{cluster.url}  key {KEY}", flush=True)
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
                return
            if arguments.rolling:
                report = rolling(cluster, arguments.per_second)
            else:
                report = drill(cluster, arguments.outage, arguments.calm, arguments.every)
        except BaseException:
            for part in cluster.parts.values():
                log = folder / f"{part.name}.log"
                if log.exists():
                    print(f"--- {part.name}\n{log.read_text(errors='replace')[-1500:]}", file=sys.stderr)
            raise
        finally:
            cluster.stop()
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["lost"] or report.get("failed") else 0)


if __name__ == "__main__":
    main()
