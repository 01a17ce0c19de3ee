"""Options of the terminal that narrow a question to some documents."""

from __future__ import annotations

import pytest
import typer

from app.api.filters import Filters
from app.cli import narrow


def test_nothing_said_narrows_nothing() -> None:
    assert narrow.filters(None, None, None, None, None) == {}


def test_what_is_said_is_what_the_api_takes() -> None:
    given = narrow.filters(
        ["doc_1"], ["client=acme", "client=umbra", "note=a=b"], ["minutes"], "2026-01-01", "2026-03-31"
    )
    assert given["metadata"] == {"client": ["acme", "umbra"], "note": ["a=b"]}
    narrowed = Filters.model_validate(given).narrowed()
    assert narrowed.document_ids == {"doc_1"}
    assert narrowed.tags == {"minutes"}
    assert (str(narrowed.date_from), str(narrowed.date_to)) == ("2026-01-01", "2026-03-31")


@pytest.mark.parametrize("pair", ["client", "=acme", ""])
def test_a_pair_that_is_none_is_refused(pair: str) -> None:
    with pytest.raises(typer.BadParameter, match="KEY=VALUE"):
        narrow.filters(None, [pair], None, None, None)
