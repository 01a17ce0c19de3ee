"""Reference vectors of all-MiniLM-L6-v2 by sentence-transformers on torch, which Cairn's own embedder is held to.

    python -m venv reference && reference/bin/pip install torch sentence-transformers
    reference/bin/python scripts/make_minilm_reference.py FOLDER_OF_THE_MODEL

Writes tests/golden/minilm_reference.npz: `vectors` (100, 384) float32 and `texts`, their JSON as UTF-8 bytes.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "tests" / "golden" / "minilm_reference.npz"
COUNT = 100

ODD = [
    "",
    " ",
    "\n\t \n",
    "a",
    "?",
    "7",
    "...",
    "Observatory",
    "OBSERVATORY",
    "antidisestablishmentarianism",
    "x" * 300,
    "naïve café, fac\u0327ade, A\u030angström",
    "o\ufb03ce \ufb02oor \ufb01le",
    "zero\u200bwidth, soft\u00adhyphen, no\u00a0break",
    "control\x00 and \x07 bell \x1b[1m",
    "\ufffd replacement \ufffd",
    "🔭 🌌👩\u200d🔬",
    "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "∑ᵢ xᵢ² ≤ ∞, ∀ε > 0 ∃δ",
    "1,234,567.89 EUR; 12.5 %; 2026-03-09; 09:30",
    "DE89 3704 0044 0532 0130 00",
    "Der Urlaubsanspruch beträgt 28 Tage; Übertragung ist möglich.",
    "Les salariés ont droit à vingt-huit jours de congés payés.",
    "Οι εργαζόμενοι έχουν άδεια.",
    "Сотрудники получают отпуск.",
    "\u064a\u062d\u0635\u0644 \u0627\u0644\u0645\u0648\u0638\u0641\u0648\u0646"
    " \u0639\u0644\u0649 \u0625\u062c\u0627\u0632\u0629.",
    "\u05e2\u05d5\u05d1\u05d3\u05d9\u05dd \u05de\u05e7\u05d1\u05dc\u05d9\u05dd \u05d7\u05d5\u05e4\u05e9\u05d4.",
    "कर्मचारियों को छुट्टी",
    "พนักงานได้วันลา",
    "员工每年享有二十八天带薪假期。",
    "従業員は年休を取る。テレスコープ",
    "직원은 휴가를 받는다.",
    "mixed Мир 世界 world \u0639\u0627\u0644\u0645",
    "def mean(xs: list[float]) -> float:\n    return sum(xs) / len(xs)  # may divide by zero\n",
    'SELECT id, name FROM staff WHERE leave_days >= 28 AND name LIKE "%\\_a%";',
    '{"kind": "leave", "days": [28, 31], "notice": null}',
    "for (int i = 0; i < n; ++i) { a[i] ^= b[i] << 3; }",
    "<table><tr><td>Hotel</td><td>140&nbsp;EUR</td></tr></table>",
    "| Expense | Limit |\n| --- | --- |\n| Hotel, per night | 140 EUR |",
    "https://example.org/a/b?c=d&e=%20#f ada.okafor@example.org",
]
_WORDS = """
observatory telescope employees leave days year salary receipt mountain dome night weather visitors emergency
contract notice weeks supervisor the of and to in is for with not from must may within before after each any
calibration frames humidity spectrograph reimbursement confidentiality ombudsperson 28 72 2,500 percent, month.
who? says: (see) whether; Port Calder re-entry unbelievably quasi-stationary Okafor Heidelberg
"""


def texts() -> list[str]:
    """The odd ones, then sentences of 1 to 400 words: beyond the model's 256 tokens. The same each time."""
    chance = random.Random(20260309)
    words = _WORDS.split()
    lengths = [round(400 ** (index / (COUNT - len(ODD) - 1))) for index in range(COUNT - len(ODD))]
    return ODD + [" ".join(chance.choices(words, k=length)) for length in lengths]


def vectors(model_dir: str) -> Any:
    """(100, 384) float32, each text in a batch of its own, so that nothing is padded."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(model_dir, device="cpu")
    return model.encode(texts(), batch_size=1, normalize_embeddings=True, convert_to_numpy=True)


def main() -> None:
    import numpy as np

    (model_dir,) = sys.argv[1:]
    listed = np.frombuffer(json.dumps(texts()).encode(), np.uint8)
    np.savez_compressed(TARGET, texts=listed, vectors=vectors(model_dir).astype(np.float32))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
