"""Every operation of /openapi.json with examples, borders and made-up input (schemathesis), with an admin's key and with none.

A server error, an undocumented status, type or shape, and an operation that takes no key where one is needed, are failures.
What is asked for is there: a document, its job, an answer, a conversation. JSON on standard output; exit code 1 on a failure.

    .venv/bin/python -m scripts.fuzz_api [--examples 50] [--seed 1] [--seconds 600] [--log FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.cli.handbook import write
from tests.e2e.server import KEY, ROOT, Server, finished, running, upload

_CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=50, help="made up for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600, help="for each of the two runs")
    parser.add_argument("--log", type=Path, help="a folder for what schemathesis says")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = given.log or Path(folder) / "log"
        log.mkdir(parents=True, exist_ok=True)
        with running(Path(folder) / "data", CAIRN_BODY_TIMEOUT_S="5") as server:
            _furnish(server, Path(folder))
            report = {
                name: _run(
                    server, key, given.examples, given.seed, given.seconds, log / f"{name.replace(' ', '-')}.txt"
                )
                for name, key in (("with a key", KEY), ("without", None))
            }
            assert server.process is not None
            report["alive"] = server.process.poll() is None
            log.joinpath("server.log").write_text(server.log())
    print(json.dumps(report, indent=2))
    return 0 if report["alive"] and all(report[name]["ok"] for name in ("with a key", "without")) else 1


def _furnish(server: Server, folder: Path) -> None:
    handbook = folder / "handbook.pdf"
    write(handbook)
    with server.client() as client:
        finished(client, upload(client, handbook)["job_id"])
        client.post("/v1/query", json={"query": "How many days of paid leave?", "stream": False}).raise_for_status()
        client.post("/v1/conversations").raise_for_status()


def _run(server: Server, key: str | None, examples: int, seed: int, seconds: float, log: Path) -> dict[str, Any]:
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json"]
    options = ["--checks", ",".join(_CHECKS), "--phases", "examples,coverage,fuzzing", "--mode", "all"]
    bounds = ["--max-examples", str(examples), "--seed", str(seed), "--request-timeout", "60", "--no-color"]
    who = ["--header", f"Authorization: Bearer {key}"] if key else []
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "scripts.fuzz_hooks", "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, *options, *bounds, *who],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            cwd=log.parent,
            env=environment,
        )
        said, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as over:
        said, code = f"{over.stdout!r}", -1
    log.write_text(said)
    return {"ok": code == 0, "seconds": round(time.monotonic() - began, 1), "said": said.splitlines()[-25:]}


if __name__ == "__main__":
    sys.exit(main())
