from __future__ import annotations

import os

import pytest

from tests.e2e import engine, preloaded


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=[engine.EMBEDDED, engine.SERVER],
        default=engine.EMBEDDED,
        help="what runs the workflows in tests/e2e: the embedded executor, or a real Inngest server",
    )


@pytest.fixture(scope="session", autouse=True)
def _nobodys_own_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The command line of the tests knows nothing of who runs them: no login, no journal."""
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        os.environ[variable] = str(tmp_path_factory.mktemp("own"))


def pytest_configure(config: pytest.Config) -> None:
    os.environ[engine.VARIABLE] = config.getoption("--engine")
    preloaded.in_use = True


def pytest_report_header() -> str | None:
    if engine.chosen() == engine.EMBEDDED:
        return None
    return f"engine: {engine.absent() or 'Inngest server'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = engine.absent() if engine.chosen() == engine.SERVER else None
    for item in items:
        if why and item.nodeid.startswith("tests/e2e/"):
            item.add_marker(pytest.mark.skip(why))
