"""Throttles and rate limits: the generic cell rate algorithm with the server's parameters.

A limit of n a period lets one through every period / n, and `burst` more at once.
Source: pkg/constraintapi/lua/helper/gcra.lua of github.com/inngest/inngest.
"""

from __future__ import annotations

import math

from workflows.embedded.registry import Rate
from workflows.embedded.transaction import Transaction

_ROUNDING = 1e-3  # of a place: times are large, and their fractions are not exact


def tokens(tx: Transaction, key: str, rate: Rate) -> tuple[int, int]:
    """(how many may pass now, the time in ms at which one more may)."""
    emission = rate.period_ms / rate.limit
    ahead = _arrival(tx, key, rate) - tx.now
    available = int(rate.burst + 1 - ahead / emission + _ROUNDING)
    return available, tx.now + math.ceil(ahead - emission * (rate.burst - available))


def spend(tx: Transaction, key: str, rate: Rate) -> None:
    """Let one through."""
    arrival = _arrival(tx, key, rate) + rate.period_ms / rate.limit
    tx.sql.execute("INSERT INTO rate VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET tat = excluded.tat", (key, arrival))


def _arrival(tx: Transaction, key: str, rate: Rate) -> float:
    """The theoretical arrival time, now or later. One that is further ahead than the algorithm ever puts it was written
    before the clock was set back, and is forgotten."""
    row = tx.sql.execute("SELECT tat FROM rate WHERE key = ?", (key,)).fetchone()
    furthest = tx.now + (rate.burst + 1) * rate.period_ms / rate.limit
    arrival = float(row["tat"]) if row else 0.0
    return arrival if tx.now < arrival <= furthest + 1 else float(tx.now)
