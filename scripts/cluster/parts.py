"""The programs of a cluster on one machine, each of which can fail and come back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import httpx

ROOT = Path(__file__).parents[2]
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

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

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
    return lambda: httpx.get(url, timeout=2, trust_env=False, verify=False).raise_for_status()


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

    def __init__(self, folder: Path, apis: int = 2) -> None:
        for program in ("redis-server", "nginx"):
            if shutil.which(program) is None:
                raise SystemExit(f"No {program} (Debian: redis-server nginx-light).")
        named = [f"api-{number}" for number in range(1, apis + 1)]
        stores = ("postgres", "redis", "chroma", "s3", "engine")
        ports = {name: free_port() for name in (*stores, "worker", *named, "nginx")}
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
            *map(cairn, ("worker", *named)),
            nginx(folder, ports["nginx"], [ports[name] for name in named]),
        ]
        self.parts = {part.name: part for part in parts}
        for part in parts:
            part.folder = folder
        self._s3 = s3
        self.settings: Mapping[str, str] = settings  # of every process of Cairn

    def start(self, names: Iterable[str] | None = None) -> None:
        """All of them, or those that are named, in this order."""
        for part in map(self.parts.__getitem__, self.parts if names is None else names):
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
