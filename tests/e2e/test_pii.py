"""Personal data that was taken out is nowhere but in the stored original."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import ROOT, Server, finished, running, upload

KINDS = 8
VALUES = 200


def _luhn(digits: str) -> str:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-1][::2]]
    plain = [int(digit) for digit in digits[::-1][1::2]]
    return digits + str(-(sum(doubled) + sum(plain)) % 10)


def _iban(number: int) -> str:
    account = f"WEST{number:014}"
    check = 98 - int("".join(str(int(c, 36)) for c in f"{account}GB00")) % 97
    return f"GB{check:02}{account}"


def planted_values() -> list[tuple[str, str]]:
    """(sentence, value): values of eight kinds, no two alike."""
    rng = random.Random(11)
    planted = []
    for number in range(VALUES):
        area, line = rng.randint(201, 989), f"{rng.randint(200, 999)}-{rng.randint(1000, 9999)}"
        card = _luhn(f"4{rng.randrange(10**14):014}")
        social = f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"
        passport = f"{rng.choice('CDFGH')}{rng.randrange(10**8):08}"
        mail = f"person{number}.{rng.randrange(10**6)}@mail{number}.example"
        key = f"ghp_{rng.getrandbits(200):050x}"[:40]
        birth = f"{rng.randint(10, 28)} March {rng.randint(1940, 2004)}, file {number}"
        iban = _iban(rng.randrange(10**14))
        shapes = [
            (f"Write to {mail} about item {number}.", mail),
            (f"Their telephone is ({area}) {line}, extension none.", f"({area}) {line}"),
            (f"The card {card} was used in week {number}.", card),
            (f"Social security number {social} was given.", social),
            (f"Refunds go to IBAN {iban} only.", iban),
            (f"Passport number {passport} was shown at gate {number}.", passport),
            (f"The key {key} is revoked.", key),
            (f"Date of birth: {birth}.", birth.split(",")[0]),
        ]
        planted.append(shapes[number % KINDS])
    return planted


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pii")


@pytest.fixture(scope="module")
def server(log: Path) -> Iterator[Server]:
    with running(log / "data") as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


def remains(data: Path, values: list[str]) -> dict[str, list[str]]:
    """Values by the file that holds them, in any of the ways a store writes text; originals are left out."""
    found: dict[str, list[str]] = {}
    for path in sorted(data.rglob("*")):
        if path.is_file() and "originals" not in path.parts:
            content = path.read_bytes()
            held = [
                value
                for value in values
                if any(value.encode(code) in content for code in ("utf-8", "utf-16-le", "utf-32-le"))
            ]
            if held:
                found[str(path.relative_to(data))] = held
    return found


def test_planted_values_are_in_no_file_but_the_original(server: Server, client: httpx.Client, log: Path) -> None:
    planted = planted_values()
    values = [value for _, value in planted]
    assert len(set(values)) > VALUES * 0.95
    named = log / f"statement_of_{values[0]}_{values[3]}.md"
    sections = [
        f"## Part {number}\n\n{sentence} The file was closed.\n" for number, (sentence, _) in enumerate(planted)
    ]
    table = "| name | mail |\n|---|---|\n" + "\n".join(f"| row {n} | {values[n]} |" for n in range(0, VALUES, KINDS))
    named.write_text("# Statements\n\n" + "\n".join(sections) + "\n" + table + "\n")
    document = upload(client, named, title=f"Statements of {values[8]}", metadata=json.dumps({"owner": values[16]}))
    job = finished(client, document["job_id"])
    _ask_about(client, planted[: 3 * KINDS])
    everything = json.dumps([document, job, client.get(f"/v1/documents/{document['document_id']}").json()])
    everything += client.get(f"/v1/documents/{document['document_id']}/chunks?limit=200").text
    server.stop()  # what is still in memory is written
    try:
        assert [value for value in values if value in everything] == []
        assert remains(server.data_dir, values) == {}
        originals = b"".join(path.read_bytes() for path in server.data_dir.rglob("originals/*") if path.is_file())
        assert all(value.encode() in originals for value in values)  # the search would see them
    finally:
        server.start()
    counts = client.get(f"/v1/documents/{document['document_id']}").json()["latest_version"]["pii_counts"]
    assert len(counts) >= KINDS
    assert sum(counts.values()) >= VALUES


def _ask_about(client: httpx.Client, planted: list[tuple[str, str]]) -> None:
    """By every way to ask; what is said back holds none of the values either."""
    conversation = client.post("/v1/conversations").json()["id"]
    said = ""
    for sentence, _ in planted:
        question = f"What is known of this: {sentence}"
        said += client.post("/v1/search", json={"query": question}).text
        answer = client.post("/v1/query", json={"query": question, "stream": False}).json()
        said += (
            json.dumps(answer) + client.post("/v1/feedback", json={"answer_id": answer["id"], "comment": sentence}).text
        )
    for sentence, _ in planted[:KINDS]:
        body: dict[str, Any] = {"query": f"And who said: {sentence}", "stream": False, "conversation_id": conversation}
        said += client.post("/v1/query", json=body).text
        chat = {"model": "default", "messages": [{"role": "user", "content": sentence}]}
        said += client.post("/v1/chat/completions", json=chat).text
    said += client.get(f"/v1/conversations/{conversation}").text
    assert [value for _, value in planted if value in said] == []


def test_a_question_with_a_secret_is_refused(client: httpx.Client) -> None:
    secret = "-----BEGIN RSA PRIVATE KEY-----MIIEpAIBAAKCAQEA"
    refused = client.post("/v1/query", json={"query": f"what is {secret}", "stream": False})
    assert refused.status_code in (400, 413, 415, 422)
    assert refused.json()["code"] == "sensitive_content"
    assert "MIIE" not in refused.text


def test_a_policy_of_its_own_rules_what_comes_in_from_then_on(client: httpx.Client, tmp_path: Path) -> None:
    client.post("/v1/collections", json={"name": "own"}).raise_for_status()
    note = tmp_path / "note.md"
    note.write_text(
        "# Note\n\nWrite to desk@help.example or to ada@home.example. Marta Kowalczyk, 905-674-3793, knows.\n"
    )
    before = upload(client, note, collection="own")
    finished(client, before["job_id"])
    changed = client.put(
        "/v1/collections/own/pii",
        json={
            "preset": "strict",
            "rules": {"EMAIL_ADDRESS": {"action": "hash", "threshold": 0.4}, "PHONE_NUMBER": {"action": "keep"}},
            "allow": ["*@help.example"],
        },
    ).json()
    assert changed["own"]
    assert changed["note"]
    assert sum(changed["documents"].values()) == 1
    note.write_text(note.read_text() + "\nThe office is closed on Sundays.\n")
    after = upload(client, note, collection="own")
    finished(client, after["job_id"])
    text = client.get(f"/v1/documents/{after['document_id']}/chunks").json()["chunks"][0]["text"]
    assert "desk@help.example" in text
    assert "905-674-3793" in text
    assert "Kowalczyk" not in text
    assert len(text.split("<EMAIL_")[1].split(">")[0]) == 32
    version = client.get(f"/v1/documents/{after['document_id']}").json()["latest_version"]
    assert version["pii_policy"] == changed["id"]
    assert client.delete("/v1/collections/own/pii").json()["own"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"rules": {"HOROSCOPE": {"action": "mask"}}},
        {"rules": {"EMAIL_ADDRESS": {"action": "eat"}}},
        {"rules": {"EMAIL_ADDRESS": {"action": "mask", "threshold": 2}}},
        {"preset": "everything"},
        {"allow": ["x"]},
        {"allow": ["*" * 201]},
    ],
)
def test_a_policy_that_nothing_can_apply_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    assert client.put("/v1/collections/default/pii", json=body).status_code in (400, 422)


def test_lines_are_checked_one_by_one() -> None:
    lines = [
        {"text": "Write to ada@example.com."},
        {"text": "Nothing here."},
        {"text": "\ud83d\ude00 Marta Kowalczyk lives in Oslo."},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "pii", "check", "--json", "-"],
        input="\n".join(map(json.dumps, lines)), capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    answers = [json.loads(line)["spans"] for line in done.stdout.splitlines()]
    assert [[span["type"] for span in spans] for spans in answers] == [["EMAIL_ADDRESS"], [], ["PERSON", "GPE"]]
    first = answers[2][0]
    assert (
        lines[2]["text"].encode("utf-16", "surrogatepass").decode("utf-16")[first["start"] : first["end"]]
        == "Marta Kowalczyk"
    )
