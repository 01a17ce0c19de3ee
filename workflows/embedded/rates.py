"""Throttles and rate limits: the generic cell rate algorithm with the server's parameters.

A limit of n a period lets one through every period / n, and `burst` more at once.
Source: pkg/constraintapi/lua/helper/gcra.lua of github.com/inngest/inngest.
"""

from __future__ import annotations

from workflows.embedded.registry import Rate
from workflows.embedded.transaction import Transaction


def tokens(tx: Transaction, key: str, rate: Rate) -> tuple[int, int]:
    """(how many may pass now, the time in ms at which one more may)."""
    emission = rate.period_ms / rate.limit
    allowed_at = _arrival(tx, key, rate) - emission * rate.burst
    available = int((tx.now - allowed_at) // emission) + 1
    return max(0, available), -int(-(allowed_at + emission * max(0, available)) // 1)


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
    return arrival if tx.now < arrival <= furthest else float(tx.now)
