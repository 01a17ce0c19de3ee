"""What assistants get over the Model Context Protocol, asked with its official client: the same as everybody with that key."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from app.cli.handbook import QUESTION
from pipelines.domain.access import Principal, Role
from tests.e2e.server import KEY, ROOT, Server, add_key, finished, running, secret, upload

ADA = Principal("main", "ada", roles=frozenset({Role.READER}))
AUDITOR = Principal("main", "otto", roles=frozenset({Role.AUDITOR}))
STRANGER = Principal("acme", "eve", roles=frozenset({Role.TENANT_ADMIN}))
TRANSPORTS = ("http", "http-2025", "stdio")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("data")
    with running(data):
        pass  # the catalog is there
    stopped = Server(data)
    for name, principal in (("ada", ADA), ("otto", AUDITOR), ("eve", STRANGER)):
        add_key(stopped, name, principal)
    with running(data) as started:
        yield started


@pytest.fixture(scope="module")
def document(server: Server, handbook: Path) -> str:
    with server.client() as http:
        taken = upload(http, handbook)
        finished(http, taken["job_id"])
        return str(taken["document_id"])


@pytest.fixture(scope="module")
def private(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the admin alone."""
    note = tmp_path_factory.mktemp("notes") / "merger.md"
    note.write_text("# Merger\n\nThe board of Globex agreed to the merger on the first of May.\n")
    with server.client() as http:
        taken = upload(http, note, readers="user:admin")
        finished(http, taken["job_id"])
        return str(taken["document_id"])


@asynccontextmanager
async def _connected(server: Server, transport: str, key: str) -> AsyncIterator[Client]:
    if transport == "stdio":
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))}
        at = {"CAIRN_URL": server.url, "CAIRN_API_KEY": key, "PYTHONPATH": str(ROOT)}
        program = StdioServerParameters(command=sys.executable, args=["-m", "app.cli", "mcp"], env=clean | at)
        async with Client(program, read_timeout_seconds=120) as client:
            yield client
        return
    headers = {"Authorization": f"Bearer {key}"}
    mode = "legacy" if transport == "http-2025" else "auto"
    async with httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False) as http:
        way = streamable_http_client(f"{server.url}/mcp", http_client=http)
        async with Client(way, mode=mode, read_timeout_seconds=120) as client:
            yield client


async def _told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    (text,) = result.content
    assert json.loads(text.text) == result.structured_content  # type: ignore[union-attr]  # for who reads text alone
    return dict(result.structured_content)


async def _refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_search_ask_list_and_read_tell_page_and_place(server: Server, document: str, transport: str) -> None:
    async with _connected(server, transport, KEY) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "ask", "list", "read"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        assert "context" not in tools["search"].input_schema["properties"]

        passages = (await _told(client, "search", query=QUESTION, top_k=3))["passages"]
        assert (passages[0]["document_id"], passages[0]["page"]) == (document, 1)
        assert passages[0]["title"] == "handbook"
        assert passages[0]["boxes"]

        for elsewhere in ({"document_ids": ["doc_none"]}, {"tags": ["payroll"]}, {"date_to": "2001-01-01"}):
            assert not (await _told(client, "search", query=QUESTION, filters=elsewhere))["passages"]
            assert (await _told(client, "ask", question=QUESTION, filters=elsewhere))["abstained"]
        assert (await _told(client, "search", query=QUESTION, filters={"document_ids": [document]}))["passages"]
        await _refused(client, "search", query=QUESTION, filters={"tag": "payroll"})

        answer = await _told(client, "ask", question=QUESTION)
        assert "28 days of paid leave" in answer["text"]
        assert (answer["abstained"], answer["citations"][0]["page"]) == (False, 1)
        assert "28" in answer["citations"][0]["quote"]

        listing = await _told(client, "list")
        assert "default" in listing["collections"]
        assert document in {each["document_id"] for each in listing["documents"]}
        assert (await _told(client, "list", collection="default"))["documents"]

        whole = await _told(client, "read", document_id=document)
        assert "28 days" in " ".join(part["text"] for part in whole["parts"])
        second = await _told(client, "read", document_id=document, page=2)
        assert second["parts"]
        assert second["pages"] >= 2
        assert "collection_not_found" in await _refused(client, "search", query="x", collections=["nowhere"])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_document_that_one_may_not_read_is_not_there(server: Server, private: str, transport: str) -> None:
    query = "the merger of Globex on the first of May"
    async with _connected(server, transport, KEY) as admin:
        assert private in str(await _told(admin, "search", query=query))
    for key in (secret("ada"), secret("eve")):
        async with _connected(server, transport, key) as client:
            if key == secret("eve"):
                assert (await _told(client, "list"))["documents"] == []
                await _refused(client, "search", query=query)  # no collection of that name is theirs
            else:
                assert "Globex" not in str(await _told(client, "search", query=query))
                assert "Globex" not in str(await _told(client, "ask", question=query))
                assert private not in str(await _told(client, "list"))
            for unread in (private, "doc_of_nobody"):
                assert "document_not_found" in await _refused(client, "read", document_id=unread)


async def test_who_has_no_key_or_no_role_that_reads_is_refused(server: Server) -> None:
    for key in ("not-a-key", secret("otto")):
        for transport in ("http", "http-2025"):
            with pytest.raises((MCPError, httpx2.HTTPError, BaseExceptionGroup)):
                async with _connected(server, transport, key) as client:
                    await client.list_tools()
    async with _connected(server, "stdio", "not-a-key") as client:
        assert "unauthenticated" in await _refused(client, "search", query="x")
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    with server.client(None) as http:
        refused = http.post("/mcp", json=message)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
    with server.client(secret("otto")) as http:
        assert http.post("/mcp", json=message).json()["code"] == "forbidden"
    with server.client() as http:
        assert http.get("/mcp").status_code == 405


async def test_what_is_asked_is_on_the_record_as_anywhere_else(server: Server, document: str) -> None:
    def acts(http: httpx.Client) -> list[dict[str, Any]]:
        return [json.loads(line) for line in http.get("/v1/admin/audit").text.splitlines()]

    with server.client() as http:
        before = len(acts(http))
        async with _connected(server, "http", secret("ada")) as client:
            await _told(client, "search", query=QUESTION)
            await _told(client, "read", document_id=document)
        new = acts(http)[before:]
    of_ada = [each for each in new if "ada" in json.dumps(each)]
    assert next(each["action"] for each in of_ada) == "search"
    assert any("chunks" in each["action"] and document in json.dumps(each) for each in of_ada)


async def test_a_message_is_one_request_of_its_sender(tmp_path: Path, handbook: Path) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    headers = {"Accept": "application/json, text/event-stream"}
    listing = {**message, "params": {"name": "list", "arguments": {}}}
    with running(tmp_path / "data", CAIRN_KEY_REQUESTS_PER_MINUTE="8") as server:
        with server.client() as admin:
            finished(admin, upload(admin, handbook)["job_id"])
        server.stop()
        add_key(server, "ada", ADA)
        server.start()
        with server.client(secret("ada")) as http:  # her first request: until 7.5 s after it none comes back
            http.post("/mcp", json=listing, headers=headers)
            left = []
            for name, arguments in (
                ("list", {}),
                ("search", {"query": "leave"}),
                ("read", {"document_id": "doc_none"}),
            ):
                answer = http.post(
                    "/mcp", json={**message, "params": {"name": name, "arguments": arguments}}, headers=headers
                )
                assert answer.status_code == 200, answer.text
                left.append(int(answer.headers["ratelimit"].partition("r=")[2].partition(";")[0]))
            assert left[0] - left[1] == left[1] - left[2] == 1
            for _ in range(30):
                answer = http.post("/mcp", json=listing, headers=headers)
            assert answer.status_code == 429
            assert "retry-after" in answer.headers
