"""The main job with every way out refused: nothing tries to leave.

Python's own sockets are watched by an audit hook in the server and its workers. Native code (Chroma, onnxruntime)
would pass by that, so where the kernel allows it the server also runs in a network namespace that holds nothing but
loopback, where a packet has nowhere to go, and counts what was tried.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.handbook import QUESTION
from tests.e2e import engine
from tests.e2e.server import ROOT, finished, running, upload


@pytest.mark.skipif(
    engine.chosen() == engine.SERVER, reason="the proxy that is no way out is no way to that server either"
)
def test_nothing_tries_to_leave(tmp_path: Path, handbook: Path) -> None:
    record = tmp_path / "refused.txt"
    watching = {
        "PYTHONPATH": str(Path(__file__).parent / "refuse_egress"),
        "REFUSED_EGRESS_FILE": str(record),
        "HTTP_PROXY": "http://192.0.2.1:9",  # a proxy would be a way out
        "HTTPS_PROXY": "http://192.0.2.1:9",
        "CAIRN_OLLAMA_URL": "http://127.0.0.1:9",  # configured, and nobody there
    }
    with running(tmp_path / "data", **watching) as server, server.client() as client:
        document = upload(client, handbook)
        finished(client, document["job_id"])
        answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
        assert answer["citations"]
        finished(client, client.delete(f"/v1/documents/{document['document_id']}").json()["job_id"])
    assert not record.exists(), record.read_text()


def test_the_watch_sees_a_try(tmp_path: Path) -> None:
    record = tmp_path / "refused.txt"
    program = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    environment = {"PYTHONPATH": str(Path(__file__).parent / "refuse_egress"), "REFUSED_EGRESS_FILE": str(record)}
    subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert "192.0.2.1" in record.read_text()


def test_the_demo_runs_where_only_loopback_exists(tmp_path: Path) -> None:
    alone = ["unshare", "--net", "--map-root-user", "--user"]
    try:
        subprocess.run([*alone, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this kernel or user may not make network namespaces")
    # TCP's attempts and IP's datagrams without a route are counted by the namespace itself.
    script = (
        "ip link set lo up 2>/dev/null || ifconfig lo up; "
        f"{sys.executable} -m app.cli demo || exit 1; "
        "awk '/^Ip:/ { if (seen++) print \"noroutes\", $13 }' /proc/net/snmp"
    )
    environment = {
        "CAIRN_DATA_DIR": str(tmp_path / "data"),
        "CAIRN_OLLAMA_URL": "",
        "PATH": "/usr/sbin:/sbin:/usr/bin:/bin",
    }
    done = subprocess.run(
        [*alone, "sh", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("noroutes 0"), done.stdout
