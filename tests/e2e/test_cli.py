"""The command line, as a person types it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.handbook import QUESTION
from tests.e2e.server import KEY, ROOT, Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data")) as started:
        yield started


def _cairn(*words: str, cwd: Path = ROOT, said: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))}
    command = [sys.executable, "-m", "app.cli", *words]
    settings = {"PYTHONPATH": str(ROOT), "CAIRN_OLLAMA_URL": "", **environment}
    return subprocess.run(
        command, cwd=cwd, env=clean | settings, input=said, capture_output=True, text=True, timeout=120, check=False
    )


def _at(server: Server) -> dict[str, str]:
    return {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY}


def test_ingest_ask_search_and_jobs(server: Server, handbook: Path) -> None:
    ingested = _cairn("ingest", str(handbook), "--json", **_at(server))
    assert ingested.returncode == 0, ingested.stderr
    assert json.loads(ingested.stdout)["counts"] == {"ready": 1}

    asked = _cairn("ask", QUESTION, **_at(server))
    assert "28 days of paid leave" in asked.stdout
    assert "page 1" in asked.stdout
    answer = json.loads(_cairn("ask", QUESTION, "--json", **_at(server)).stdout)
    assert answer["citations"]
    lines = _cairn("ask", QUESTION, "--json", "--stream", **_at(server)).stdout.splitlines()
    assert [json.loads(line)["event"] for line in (lines[0], lines[-1])] == ["passages", "answer"]
    talked = _cairn("chat", said="What is the limit for a hotel per night?\nWhat about a taxi?\n\n", **_at(server))
    assert talked.returncode == 0, talked.stderr
    assert "140 EUR" in talked.stdout
    assert "35 EUR" in talked.stdout

    assert "handbook, page 1" in _cairn("search", QUESTION, **_at(server)).stdout
    assert json.loads(_cairn("search", QUESTION, "--json", "--top-k", "2", **_at(server)).stdout)["passages"]
    narrowed = _cairn(
        "search", QUESTION, "--json", "--from", "1999-12-31", "--document", "doc_of_nobody", **_at(server)
    )
    assert json.loads(narrowed.stdout)["passages"] == []
    assert json.loads(_cairn("ask", QUESTION, "--json", "--tag", "none", **_at(server)).stdout)["abstained"]
    jobs = json.loads(_cairn("jobs", "--json", **_at(server)).stdout)["jobs"]
    assert "succeeded" in _cairn("jobs", **_at(server)).stdout
    assert json.loads(_cairn("jobs", "show", jobs[0]["id"], **_at(server)).stdout)["id"] == jobs[0]["id"]
    retried = _cairn("jobs", "retry", jobs[0]["id"], **_at(server))
    assert retried.returncode == 1
    assert "job_not_failed" in retried.stderr


def test_a_golden_set_is_put_shown_and_removed(server: Server, tmp_path: Path) -> None:
    at = _at(server)
    lines = tmp_path / "golden.jsonl"
    lines.write_text('{"question": "How long is leave?", "evidence": [{"document": "handbook", "page": 1}]}\n')
    assert "1 question" in _cairn("golden", "put", str(lines), **at).stdout
    assert json.loads(_cairn("golden", "show", **at).stdout)["question"] == "How long is leave?"
    lines.write_text("not JSON\n")
    refused = _cairn("golden", "put", str(lines), **at)
    assert (refused.returncode, "line 1" in refused.stderr.lower()) == (1, True), refused.stderr
    assert _cairn("golden", "remove", **at).returncode == 0
    assert _cairn("golden", "show", **at).stdout.strip() == ""


def test_a_file_that_cannot_be_read_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nthis is no PDF\n%%EOF\n")
    failed = _cairn("ingest", str(broken), **_at(server))
    assert failed.returncode == 1
    assert "unreadable_file" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_no_server_and_no_key_are_said_with_what_to_do(tmp_path: Path) -> None:
    nobody = _cairn("ask", "x", CAIRN_URL="http://127.0.0.1:9", CAIRN_API_KEY=KEY)
    assert nobody.returncode == 3
    assert "cairn serve" in nobody.stderr
    no_key = _cairn("ask", "x", cwd=tmp_path)
    assert no_key.returncode == 4
    assert "CAIRN_API_KEY" in no_key.stderr


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CAIRN_PORT", "http", "valid integer"),
        ("CAIRN_PORT", "70000", "less than or equal to 65535"),
        ("CAIRN_DATABASE_URL", "mysql://x", "sqlite:///FILE or postgresql://"),
        ("CAIRN_SYNC_ROOTS", "documents", "folders such as /srv/documents"),
        ("CAIRN_PII_POLICY", "none", "'default', 'strict' or 'off'"),
        ("CAIRN_OLLAMA_URL", "gpu-box", "an address such as"),
    ],
)
def test_a_bad_setting_stops_the_start_with_its_name(name: str, value: str, expected: str) -> None:
    stopped = _cairn("serve", **{name: value})
    assert stopped.returncode == 2
    assert name in stopped.stderr
    assert expected in " ".join(stopped.stderr.split())
    assert "Traceback" not in stopped.stderr


def test_environment_comes_before_file_and_file_before_default(tmp_path: Path) -> None:
    (tmp_path / "cairn.toml").write_text('port = 9001\nllm_model = "from-the-file"\n')
    found = json.loads(_cairn("doctor", "--json", cwd=tmp_path, CAIRN_PORT="9002").stdout)["settings"]
    assert (found["port"], found["llm_model"], found["host"]) == (9002, "from-the-file", "127.0.0.1")
    (tmp_path / "cairn.toml").write_text("prot = 1\n")
    stopped = _cairn("doctor", cwd=tmp_path)
    assert stopped.returncode == 2
    assert "prot: there is no such setting" in stopped.stderr


def test_doctor_says_what_is_unreachable_and_what_is_misspelt(tmp_path: Path) -> None:
    environment = {
        "CAIRN_DATA_DIR": str(tmp_path),
        "CAIRN_OLLAMA_URL": "http://127.0.0.1:9",
        "CAIRN_CHROMA_URL": "http://127.0.0.1:9",
        "CAIRN_PROT": "1",
        "CAIRN_SYNC_ROOTS": f"{tmp_path}:acme={tmp_path / 'not-mounted'}",
    }
    report = json.loads(_cairn("doctor", "--json", **environment).stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["catalog"]["ok"]
    assert not checks["vectors"]["ok"]
    assert not checks["model"]["ok"]
    assert "not-mounted" in checks["folders"]["detail"]
    assert "CAIRN_PORT?" in checks["CAIRN_PROT"]["detail"]


def test_the_first_key_is_made_up_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    with running(tmp_path / "data", CAIRN_BOOTSTRAP_KEY="") as first:
        path = first.data_dir / "first-key"
        key = path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with first.client(key) as own:
            assert own.get("/v1/documents").status_code == 200
        assert key in " ".join(first.log().split())
    with running(tmp_path / "data", CAIRN_BOOTSTRAP_KEY="") as again:
        assert path.read_text().strip() == key
        with again.client(key) as own:
            assert own.get("/v1/documents").status_code == 200


def test_the_demo_with_a_file_of_ones_own(tmp_path: Path) -> None:
    note = tmp_path / "pumps.md"
    note.write_text(
        "# Pumps\n\n## Maintenance\n\nThe pump of the cooling circuit is inspected every ninety days by two technicians. "
        "Its seals are replaced once a year.\n"
    )
    shown = _cairn(
        "demo", str(note), "--ask", "How often is the pump inspected?", CAIRN_DATA_DIR=str(tmp_path / "data")
    )
    assert shown.returncode == 0, shown.stderr + shown.stdout
    assert "every ninety days" in shown.stdout
    assert "pumps, page 1" in shown.stdout
    unasked = _cairn("demo", str(note), CAIRN_DATA_DIR=str(tmp_path / "data"))
    assert unasked.returncode == 0, unasked.stderr + unasked.stdout
