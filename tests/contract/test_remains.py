"""The promises of Remains (pipelines/ports.py): what is there is found, wherever and however it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from app.adapters.process_pool import ProcessPool
from app.adapters.remains import FolderRemains, SqlRemains
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from pipelines import erasure
from pipelines.domain.erasure import Canaries
from tests.contract.samples import PAPERS, document, ready, set_up

VECTOR = tuple(float(number) for number in np.random.default_rng(1).normal(size=erasure.DIMENSIONS).astype(np.float32))
CANARIES = Canaries(
    ("quokkatronical", "the kraken sleeps below"),
    (bytes(range(200, 248)),),
    (VECTOR,),
    ("brulvexname", "canary-7f3a9c2e"),
)
OURS = "ver_ours"


@pytest.fixture
async def pool() -> AsyncIterator[ProcessPool]:
    async with ProcessPool(1, 512 * 1024 * 1024, 60) as opened:
        yield opened


async def _found(folder: Path, pool: ProcessPool, *others: Path) -> dict[str, int]:
    searched = await FolderRemains(folder, others, pool).search(CANARIES, [OURS])
    return {each.store: each.found for each in searched if each.found}


@pytest.mark.parametrize(
    ("place", "content", "store"),
    [
        ("catalog.sqlite3", b"x" * 9_000 + b"Quokkatronical", "catalog and keyword index"),
        ("catalog.sqlite3-wal", b"THE KRAKEN SLEEPS BELOW", "catalog and keyword index"),
        ("workflows.sqlite3", b'{"text":"quokkatronical"}', "workflow journal"),
        ("chroma/chroma.sqlite3", b"abc" + np.asarray(VECTOR, dtype=np.float32).tobytes(), "vector index"),
        (
            "chroma/segment/data_level0.bin",
            b"head" + (np.asarray(VECTOR, dtype=np.float32) + 1e-6).tobytes(),
            "vector index",
        ),
        ("files/.incoming/tmp123", bytes(range(190, 255)), "files"),
        (f"files/redacted/{OURS}/a/b", b"quokkatronical", "files"),
        ("incoming/tmp", b"quokkatronical", "uploads on their way"),
        ("server.log", b"quokkatronical", "logs"),
        ("anything/else", b"quokkatronical", "other files"),
        ("cache", b'"a\\u00e4","Brulvexname."', "other files"),
        ("log", b"a=1 id=CANARY-7F3A9C2E\n", "other files"),
        ("across-blocks", b"." * (8 * 1024 * 1024 + 512 - 5) + b"quokkatronical", "other files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_remain_is_found_and_its_place_named(
    tmp_path: Path, pool: ProcessPool, place: str, content: bytes, store: str
) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert await _found(tmp_path, pool) == {store: 1}


async def test_what_belongs_to_others_is_no_remain(tmp_path: Path, pool: ProcessPool) -> None:
    for place in ("files/originals/ver_other", "files/erasing/doc_ours/canaries", "models/tokenizer.json"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"quokkatronical")
    (tmp_path / "empty").touch()
    assert await _found(tmp_path, pool) == {}


async def test_a_longer_word_is_another_word(tmp_path: Path, pool: ProcessPool) -> None:
    (tmp_path / "other").write_bytes(b"brulvexnames mybrulvexname 0canary-7f3a9c2e brulvex name")
    assert await _found(tmp_path, pool) == {}


async def test_what_the_operator_names_is_searched_too(tmp_path: Path, pool: ProcessPool) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "yesterday.log").write_text("quokkatronical")
    data = tmp_path / "data"
    data.mkdir()
    assert await _found(data, pool, logs) == {str(logs): 1}
    assert await _found(data, pool, logs / "yesterday.log") == {str(logs / "yesterday.log"): 1}


async def test_rows_are_asked(catalog: SqlCatalog, keywords: SqlKeywordIndex) -> None:
    set_up(catalog)
    with catalog.begin() as uow:
        rows = ready(uow, document("doc_a", title="The Kraken Sleeps Below"), ["The Quokkatronical hums."])
    before = sum(each.found for each in await SqlRemains(catalog, keywords).search(CANARIES, []))
    await keywords.upsert(PAPERS.id, rows)
    after = sum(each.found for each in await SqlRemains(catalog, keywords).search(CANARIES, []))
    await keywords.delete_version(rows[0].version_id)
    gone = sum(each.found for each in await SqlRemains(catalog, keywords).search(CANARIES, []))
    assert after == before + 1
    assert gone == before
    assert before == (0 if catalog.is_sqlite else 2), "SQLite's rows are read as bytes, PostgreSQL's are asked for"


async def test_words_that_others_hold_are_told(catalog: SqlCatalog, keywords: SqlKeywordIndex) -> None:
    set_up(catalog)
    with catalog.begin() as uow:
        ours = ready(uow, document("doc_a", title="Ours"), ["The kraken sleeps below deck nine."])
        theirs = ready(uow, document("doc_b", title="Krakenology"), ["A kraken hums; the walrus sleeps below."])
    for rows in (ours, theirs):
        await keywords.upsert(PAPERS.id, rows)
    asked = ["kraken", "walrus", "the kraken sleeps below", "sleeps below", "deck"]
    assert await keywords.elsewhere([ours[0].version_id], asked) == {"kraken", "walrus", "sleeps below"}
    with catalog.read() as uow:
        assert uow.erasures.named_elsewhere("doc_a", ["krakenology", "ours"]) == {"krakenology"}


def test_every_word_that_was_planted_is_looked_for() -> None:
    planted = [
        f"{start}{end}{tail}" for start in ("zor", "blem") for end in ("quist", "fanth") for tail in "abcdefghij"
    ]
    planted += ["canary-7f3a9c2e", "KIT_0042_zebra", "0123456789abcdef"]
    texts = [
        "The usual words of the house, and " + ", ".join(planted[n : n + 3]) + " beside." for n in range(len(planted))
    ]
    found = erasure.choose(erasure.candidates(texts, lambda words: [4] * len(words)), b"", np.empty((0, 8)))
    assert {word.lower() for word in planted} <= {*found.words, *found.others}


def test_what_an_index_cannot_be_asked_for_or_ids_hold_by_chance_is_not_looked_for() -> None:
    text = "Das Qualitätsmanagementsystem der Straßenbahnhaltestelle, Nummer deadbeef und 12345678, wie überall sonst auch. "
    rare = erasure.candidates([text + "gewöhnlichewörter " * 9], lambda words: [4] * len(words))
    found = erasure.choose([*[f"filler{n:02}x" for n in range(8)], *rare], b"", np.empty((0, 8)))
    assert not {"deadbeef", "12345678"} & set(found.others)
    assert all(word in text.lower().replace(",", " ").replace(".", " ").split() for word in found.others)
    assert all(f" {each} " in f" {text.lower()}".replace(",", " ") for each in found.words if " " in each)


def test_the_zeros_of_a_vector_tell_nothing() -> None:
    vectors = np.vstack([np.zeros(16), np.linspace(1, 2, 16)])
    assert erasure.choose([], b"", vectors).vectors == (tuple(np.linspace(1, 2, 16)[: erasure.DIMENSIONS]),)


def test_rare_words_and_phrases_are_chosen_over_common_ones() -> None:
    def count_tokens(words: object) -> list[int]:
        return [4 if "quok" in word else 1 for word in words]  # type: ignore[attr-defined]

    texts = ["The metadata of the document: the quokkatronical device of deck nine hums quietly.", "Metadata again."]
    found = erasure.candidates(texts, count_tokens)
    assert "quokkatronical" in found
    assert "metadata" not in found
    assert any(" " in each for each in found)


def test_words_that_the_catalog_itself_writes_are_no_documents(catalog: SqlCatalog) -> None:
    """Else a handbook that speaks of calibration could not be erased."""
    set_up(catalog)
    with catalog.read() as uow:
        assert uow.erasures.named_elsewhere("doc_a", ["calibration", "quokkatronical"]) == {"calibration"}
