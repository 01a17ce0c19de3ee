"""Whether two questions that mean about the same ask the same, so that the answer to one answers the other.

Vectors cannot tell: "annual leave in 2023" is nearer to "annual leave in 2024" than to most ways of asking for it again. So
everything that could change the answer must be in both: each word that tells something, up to its ending and a few words
of plain English for one thing; each number, unit, name, denial, comparison and direction, which are such words; what is asked
for (who, when, how many, whether); past, present or future; and who does what to whom, which is their order. Only the
words of asking may differ. What the rules do not know differs: a miss costs an answer's time, a wrong hit a wrong answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from pipelines.query.asking import CLASSES, ENDINGS, IGNORED, IRREGULAR, OPENINGS, REWRITES, WH, base
from pipelines.query.terms import in_digits

_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:\d+[^\W_]*)?|\w+|[$€£¥%‰°<>≤≥=±+#&@]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?:\D|$))")
_SIGNED = re.compile(r"(?<![\w)])[-−](?=\d)")
_MONTHS = frozenset(
    "january february march april june july august september october november december".split()  # noqa: SIM905
)
_AUXILIARIES = frozenset(
    "is are was were am do does did can could may might must should will would shall has have had not".split()  # noqa: SIM905
)
_PAST, _FUTURE = frozenset({"was", "were", "did", "had"}), frozenset({"will", "shall"})
_NOW = frozenset({"is", "are", "am", "do", "does", "has", "have", "can", "may", "must", "should"})
_BE = frozenset({"is", "are", "was", "were", "be", "been", "being"})
_OWNS = frozenset({"its", "their", "his", "her"})
_PLACES = frozenset({"for", "in", "at", "on", "during", "within"})  # what begins a phrase that may stand anywhere
_BEFORE_NOUNS = frozenset(
    {"by", "above", "below", "over", "under", "from", "with", "without", "before", "after", "until", "since", "than"}
)
_ANYBODY = frozenset({CLASSES["can"], CLASSES["i"]})
_LIGHT = frozenset(  # verbs that say little
    map(base, ("get", "report", "record", "post", "achieve", "generate", "earn", "make", "state", "say", "mention"))
)
_MODAL = frozenset({CLASSES["can"], CLASSES["must"], CLASSES["will"]})
_CLOSE: Mapping[str, float] = {"all-MiniLM-L6-v2": 0.70}
_CLOSE_IN_OTHERS = 0.80
_LONGEST = 60  # words: nobody asks longer questions twice in other words


@dataclass(frozen=True, slots=True)
class Asked:
    """A question taken apart."""

    kind: str  # who, when, where, why, how, quantity, what, whether
    words: tuple[str, ...]  # that tell something, by class, each once, in order
    figures: tuple[str, ...]  # in order
    follows: Mapping[str, str]  # what comes after each "to"
    phrases: frozenset[tuple[str, ...]]  # words and figures, by the phrases that may stand anywhere; () begins the rest
    tense: str
    passive: bool

    @classmethod
    def of(cls, question: str) -> Asked:
        tokens = _tokens(question)
        asking = next((token for token in tokens if token in WH), None)
        whether = asking is None and bool(tokens) and tokens[0] in _AUXILIARIES
        kind = WH[asking] if asking else "whether" if whether else "what"
        if asking:
            tokens.remove(asking)
        telling = [word for at, token in enumerate(tokens) if (word := _word(token)) and (at or token not in _OWNS)]
        said = set(tokens)
        return cls(
            kind=kind,
            words=tuple(dict.fromkeys(word for word in telling if not _is_figure(word))),
            figures=tuple(word for word in telling if _is_figure(word)),
            follows=_follows(tokens),
            phrases=_phrases(tokens),
            tense="future"
            if said & _FUTURE
            else "past"
            if said & _PAST or (_did(tokens) and not said & _NOW)
            else "present",
            passive=_suffers(tokens),
        )


def close_enough(model: str) -> float:
    """The cosine from which questions are worth comparing, in an embedding model's space."""
    return _CLOSE.get(model, _CLOSE_IN_OTHERS)


def same_question(one: str, other: str) -> bool:
    """Whether they ask the same. Symmetric."""
    first, second = Asked.of(one), Asked.of(other)
    if first.kind != second.kind or not first.words or max(len(first.words), len(second.words)) > _LONGEST:
        return False
    return (
        first.figures == second.figures
        and _same_words(first, second)
        and _same_time(first, second)
        and first.passive == second.passive
        and _same_roles(first, second)
        and _negations(one) == _negations(other)
    )


def _same_words(one: Asked, other: Asked) -> bool:
    """All of them, but for what a way of asking may bring along: "the profit that they made", "how can I"."""
    ours, theirs = frozenset(one.words), frozenset(other.words)
    if one.kind == "how":
        ours, theirs = ours - _ANYBODY, theirs - _ANYBODY
    if (
        one.kind in ("what", "quantity", "when")
        and len(ours & theirs - _LIGHT) > 1
        and not (ours & _LIGHT and theirs & _LIGHT)
    ):
        ours, theirs = ours - _LIGHT, theirs - _LIGHT
    return ours == theirs


def _same_time(one: Asked, other: Asked) -> bool:
    """What is to come is another matter; what is and what was are one when it is said of when."""
    if one.tense == other.tense:
        return True
    return "future" not in (one.tense, other.tense) and bool(one.figures)


def _same_roles(one: Asked, other: Asked) -> bool:
    """Words may move as phrases do ("the leave of staff"), but not change places around what joins them, or as neighbours."""
    if any(other.follows[to] != after for to, after in one.follows.items() if to in other.follows):
        return False
    if one.phrases == other.phrases:
        return True
    anywhere = _MODAL | _ANYBODY if one.kind == "how" else _MODAL
    shared = [word for word in one.words if word in other.words and word not in anywhere]
    order = [shared.index(word) for word in other.words if word in shared]
    if one.kind == "whether":
        if order != sorted(order):
            return False
    elif len(order) == 2 and order != [0, 1]:
        if len(one.words) == len(other.words):
            return False
    elif sum(a > b for a, b in combinations(order, 2)) == 1 or any(a > b > c for a, b, c in combinations(order, 3)):
        return False
    return True


def _negations(question: str) -> int:
    return len(re.findall(r"\bnot\b", _plain(question)))


def _follows(tokens: Sequence[str]) -> dict[str, str]:
    """The telling word after each "to": what is swapped around it is told by that."""
    found: dict[str, str] = {}
    for at, token in enumerate(tokens):
        if token == "to":  # noqa: S105 - a word
            found[f"to {len(found)}"] = next((word for each in tokens[at + 1 :] if (word := _word(each))), "")
    return found


def _phrases(tokens: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """The words in order, without those phrases that may stand at either end, and these: "for staff", "in 2020"."""
    found: list[list[str]] = [[""]]
    inside = False
    for token in tokens:
        word = _word(token)
        if token in _PLACES:
            found.append([])
            inside = True
        elif word and word not in _MODAL:
            found[-1 if inside else 0].append(word)
        elif inside and found[-1] and not word:
            inside = False
    return frozenset(map(tuple, found))


def _tokens(question: str) -> list[str]:
    """Without the words of asking; "the number of staff" is "quantity staff", "the leave of staff" is "staff leave"."""
    text = _plain(question)
    while (bare := ENDINGS.sub("", OPENINGS.sub("", text, count=1).strip()).strip()) not in ("", text):
        text = bare
    for pattern, written in REWRITES:
        text = pattern.sub(written, text)
    return _owners_first(_TOKEN.findall(text))


def _plain(question: str) -> str:
    """In small letters, but for words that are others in capitals (IT, US, May); numbers in digits; "can't" is "can not"."""
    text = unicodedata.normalize("NFKC", question).replace("’", "'")
    if not text.isupper():
        text = re.sub(r"\b(?:IT|US|WHO|AM|IS|OR|AT|IN|ON|DO)\b", lambda match: f"{match.group().lower()}_", text)
        text = re.sub(r"(?<=[a-z,;] )(?:May|Will|Mark|March)\b", lambda match: f"{match.group().lower()}_", text)
    text = _SIGNED.sub("minus ", _THOUSANDS.sub("", in_digits(text.casefold())))
    text = re.sub(r"\b(?:can't|cannot)\b", "can not", text)
    text = re.sub(r"\bwon't\b", "will not", text)
    text = re.sub(r"n't\b", " not", text)
    text = re.sub(r"'(?:s|re|m)\b(?=\s+(?:the|a|an|my|our|your)\b)", " is", text)
    for short, long in (("'d", "would"), ("'ll", "will"), ("'re", "are"), ("'m", "am"), ("'ve", "have")):
        text = re.sub(rf"{short}\b", f" {long}", text)
    return text.replace("'", " ")  # an owner's "s" stays, as a word of its own


def _owners_first(tokens: Sequence[str]) -> list[str]:
    """Words before "of" go behind the words after it, as in "staff leave"; not so measures ("a period of 3 weeks")."""
    found = list(tokens)
    for at in range(len(found) - 2, 0, -1):
        if found[at] != "of":
            continue
        start = at
        while start > 0 and (_noun(found[start - 1]) or found[start - 1] == "s"):
            start -= 1
        first = next((place for place in range(at + 1, len(found)) if _word(found[place])), None)
        if start == at or first is None or _is_figure(found[first]):
            continue
        end = first + 1
        while end < len(found) and (_noun(found[end]) or found[end] == "s"):
            end += 1
        found[start:end] = [*found[first:end], *found[start:at]]
    return found


def _suffers(tokens: Sequence[str]) -> bool:
    """Whether something is done to what is asked about: "are rides reimbursed", not "is paid leave", nor "is entitled"."""
    be = next((at for at, token in enumerate(tokens) if token in _BE), len(tokens))
    return any(
        _participle(token) and (at + 1 == len(tokens) or tokens[at + 1] in IGNORED | _BEFORE_NOUNS)
        for at, token in enumerate(tokens)
        if at > be
    )


def _did(tokens: Sequence[str]) -> bool:
    """Whether somebody did something: "Siemens acquired", not "the unused days"."""
    return any(_participle(token) and _noun(before) for before, token in pairwise(tokens))


def _participle(token: str) -> bool:
    """Also of the past."""
    return (token.endswith("ed") or token in IRREGULAR) and _word(token) not in _LIGHT | _MODAL


def _noun(token: str) -> bool:
    """As far as can be told: a telling word that no way of asking or doing is."""
    return bool(_word(token)) and token not in WH and token not in _AUXILIARIES and not _is_figure(token)


def _word(token: str) -> str | None:
    """Its class; None for one that tells nothing."""
    if token in IGNORED:
        return None
    plain = base(token)
    return CLASSES.get(token) or CLASSES.get(plain) or plain


def _is_figure(word: str) -> bool:
    return word[0].isdigit() or word.removesuffix("_") in _MONTHS or word == "may_"
