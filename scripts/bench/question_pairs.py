"""Pairs of questions, from a seed: the same asked in other words, and questions that differ in one thing that matters."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

SLOTS = {
    "company": [
        "Apple",
        "Siemens",
        "Boeing",
        "3M",
        "Northwind Traders",
        "Contoso",
        "Pfizer",
        "Best Buy",
        "Acme Corp",
        "Nestlé",
    ],
    "metric": [
        "revenue",
        "net income",
        "operating margin",
        "capital expenditure",
        "gross profit",
        "free cash flow",
        "headcount",
    ],
    "year": ["2017", "2018", "2019", "2020", "2021", "2022", "2023", "2024"],
    "group": ["employees", "managers", "contractors", "apprentices", "part-time workers", "night nurses", "drivers"],
    "leave": [
        "annual leave",
        "sick leave",
        "parental leave",
        "unpaid leave",
        "study leave",
        "maternity leave",
        "paternity leave",
    ],
    "number": ["2", "3", "5", "10", "12", "14", "20", "30", "45", "60", "90"],
    "unit": ["days", "weeks", "months", "hours", "years"],
    "thing": ["laptop", "company car", "badge", "parking permit", "travel card", "protective helmet", "access token"],
    "place": ["Berlin", "Lyon", "Porto", "Osaka", "Leeds", "Tampere", "Boston", "Nairobi"],
    "person": ["Maria Lopez", "Tom Baker", "Aisha Khan", "Jan Novak", "Chen Wei", "Ruth Meyer"],
    "role": [
        "chief financial officer",
        "data protection officer",
        "plant manager",
        "works council chair",
        "head of procurement",
    ],
    "machine": ["compressor", "conveyor belt", "X200 pump", "X300 pump", "boiler", "forklift", "centrifuge"],
    "quantity": ["pressure", "temperature", "speed", "load", "noise level", "voltage"],
    "bound": ["maximum", "minimum"],
    "amount": ["500", "1,000", "2,500", "10,000", "750", "15,000"],
    "currency": ["euros", "dollars", "pounds", "yen"],
    "rule": [
        "travel policy",
        "expense policy",
        "password policy",
        "gift policy",
        "data retention policy",
        "safety manual",
    ],
    "clause": ["4.1", "4.2", "7.3", "12", "13", "9.10"],
    "item": [
        "alcohol",
        "taxi rides",
        "client dinners",
        "first class flights",
        "conference fees",
        "home office furniture",
    ],
}

# Each family: ways to ask for one thing.
FAMILIES: dict[str, list[str]] = {
    "metric": [
        "What was {company}'s {metric} in {year}?",
        "In {year}, what was the {metric} of {company}?",
        "Tell me the {metric} of {company} in {year}.",
        "How much was {company}'s {metric} in {year}?",
        "I'd like to know {company}'s {metric} for {year}",
        "{company} {metric} {year}",
        "Could you please give me the {year} {metric} of {company}?",
        "What {metric} did {company} have in {year}?",
        "What {metric} did {company} report for {year}?",
    ],
    "change": [
        "Did the {metric} of {company} increase in {year}?",
        "Did {company}'s {metric} increase in {year}?",
        "Do you know whether {company}'s {metric} increased in {year}?",
        "Was there an increase in {company}'s {metric} in {year}?",
        "In {year}, did {company}'s {metric} increase?",
    ],
    "leave": [
        "How many {unit} of {leave} do {group} get?",
        "What is the number of {unit} of {leave} for {group}?",
        "How many {leave} {unit} are {group} entitled to?",
        "I want to know how many {unit} of {leave} {group} receive.",
        "Can you tell me how many {unit} of {leave} {group} get?",
        "{group}: how many {unit} of {leave}?",
        "How much {leave}, in {unit}, do {group} have?",
    ],
    "permitted": [
        "Are {group} allowed to take a {thing} home?",
        "Can {group} take a {thing} home?",
        "May {group} take a {thing} home?",
        "Is it permitted for {group} to take a {thing} home?",
        "Please tell me if {group} can take a {thing} home",
        "Do you know if {group} are allowed to take a {thing} home?",
    ],
    "notice": [
        "Is the notice period {number} {unit} for {group}?",
        "Is there a notice period of {number} {unit} for {group}?",
        "Do {group} have a notice period of {number} {unit}?",
        "For {group}, is the notice period {number} {unit}?",
        "I wonder if the notice period for {group} is {number} {unit}.",
    ],
    "who": [
        "Who is the {role} of {company}?",
        "Who is {company}'s {role}?",
        "What is the name of the {role} of {company}?",
        "Tell me who the {role} of {company} is.",
        "Name the {role} of {company}.",
        "Do you know who the {role} at {company} is?",
        "Which person is the {role} of {company}?",
    ],
    "bound": [
        "What is the {bound} {quantity} of the {machine}?",
        "Which {bound} {quantity} does the {machine} have?",
        "What {bound} {quantity} is stated for the {machine}?",
        "The {machine}'s {bound} {quantity}?",
        "What's the {bound} {quantity} for the {machine}?",
        "Please state the {bound} {quantity} of the {machine}.",
        "I need to know the {bound} {quantity} of the {machine}",
    ],
    "when": [
        "When did {company} open its office in {place}?",
        "On what date did {company} open its office in {place}?",
        "When was {company}'s office in {place} opened?",
        "Tell me when {company} opened its {place} office.",
        "When did {company}'s {place} office open?",
        "What is the date when {company} opened its office in {place}?",
    ],
    "from_to": [
        "How far is it from {place} to {other_place}?",
        "What is the distance from {place} to {other_place}?",
        "Can you tell me how far it is from {place} to {other_place}?",
        "Tell me the distance from {place} to {other_place}.",
    ],
    "acquire": [
        "When did {company} acquire {other_company}?",
        "When was {other_company} acquired by {company}?",
        "On what date did {company} acquire {other_company}?",
        "I would like to know when {company} acquired {other_company}",
        "In what year did {company} acquire {other_company}?",
    ],
    "clause": [
        "What does clause {clause} of the {rule} say?",
        "What is said in clause {clause} of the {rule}?",
        "Explain clause {clause} of the {rule}.",
        "According to the {rule}, what does clause {clause} say?",
        "Summarise clause {clause} of the {rule}",
    ],
    "expense": [
        "Are {item} reimbursed above {amount} {currency}?",
        "Do we reimburse {item} above {amount} {currency}?",
        "Will {item} above {amount} {currency} be reimbursed?",
        "Is it true that {item} are reimbursed above {amount} {currency}?",
        "Are {item} above {amount} {currency} reimbursed?",
    ],
    "how": [
        "How do I request a {thing}?",
        "How can I request a {thing}?",
        "What is the way to request a {thing}?",
        "Please explain how to request a {thing}.",
        "I'd like to know how to request a {thing}",
        "What are the steps to request a {thing}?",
        "How does one request a {thing}?",
        "How should I go about requesting a {thing}?",
    ],
    "why": [
        "Why did {company} leave {place} in {year}?",
        "For what reason did {company} leave {place} in {year}?",
        "What was the reason {company} left {place} in {year}?",
        "Can you explain why {company} left {place} in {year}?",
        "In {year}, why did {company} leave {place}?",
    ],
    "reports": [
        "Does {person} report to {other_person}?",
        "Is {other_person} the manager of {person}?",
        "Is it correct that {person} reports to {other_person}?",
        "Can you tell me if {person} reports to {other_person}?",
        "Does {person} report to {other_person} now?",
    ],
}

_OPPOSITES = [
    ("increase", "decrease"),
    ("increased", "decreased"),
    ("above", "below"),
    ("before", "after"),
    ("allowed", "forbidden"),
    ("maximum", "minimum"),
    ("more", "less"),
    ("open", "close"),
    ("opened", "closed"),
    ("acquire", "sell"),
    ("acquired", "sold"),
    ("permitted", "prohibited"),
    ("leave {place}", "enter {place}"),
    ("left {place}", "entered {place}"),
    ("get", "lose"),
    ("request", "return"),
]
_NEGATED = [
    ("are allowed", "are not allowed"),
    ("Are {group} allowed", "Are {group} not allowed"),
    ("Did ", "Didn't "),
    ("did ", "did not "),
    ("Can ", "Can't "),
    ("Do ", "Don't "),
    ("do ", "do not "),
    ("Is the", "Isn't the"),
    ("Are {item}", "Are {item} not"),
    ("is the", "is not the"),
    ("May {group}", "May {group} not"),
    ("Does {person}", "Does {person} not"),
    ("reports", "does not report"),
    ("will be", "will not be"),
    ("have", "do not have"),
]
_ASKED = [
    ("When did", "Why did"),
    ("Who is", "Where is"),
    ("How do I", "When do I"),
    ("How many", "Which"),
    ("Why did", "How did"),
    ("Can ", "Must "),
    ("Are {group} allowed", "Are {group} required"),
    ("What was", "Why was"),
]


class Pair(NamedTuple):
    kind: str  # "paraphrase", or what differs
    one: str
    other: str


def pairs(seed: int, each: int) -> Iterator[Pair]:
    """`each` paraphrases and as many near-misses of every family."""
    draw = random.Random(seed)
    for family in FAMILIES:
        for _ in range(each):
            drawn = slots(draw)
            first, second = draw.sample(FAMILIES[family], 2)
            yield Pair("paraphrase", first.format(**drawn), second.format(**drawn))
            yield _near_miss(draw, family, drawn)


def slots(draw: random.Random) -> dict[str, str]:
    """One value for each name."""
    drawn = {name: draw.choice(values) for name, values in SLOTS.items()}
    for name in ("place", "company", "person"):
        drawn[f"other_{name}"] = draw.choice([value for value in SLOTS[name] if value != drawn[name]])
    return drawn


def _near_miss(draw: random.Random, family: str, drawn: dict[str, str]) -> Pair:
    makers: list[Callable[..., Pair | None]] = [_other_slot, _other_slot, _other_slot, _swapped, _replaced]
    while True:
        template = draw.choice(FAMILIES[family])
        maker = draw.choice(makers)
        if found := maker(draw, template, drawn):
            return found


_KINDS = {
    "year": "year",
    "number": "number",
    "amount": "number",
    "clause": "number",
    "unit": "unit",
    "currency": "unit",
}


def _other_slot(draw: random.Random, template: str, drawn: dict[str, str]) -> Pair:
    used = [name for name in SLOTS if f"{{{name}}}" in template]
    name = draw.choice(used)
    taken = {drawn[name], drawn.get(f"other_{name}")}
    changed = {**drawn, name: draw.choice([value for value in SLOTS[name] if value not in taken])}
    return Pair(_KINDS.get(name, "name"), template.format(**drawn), template.format(**changed))


def _swapped(draw: random.Random, template: str, drawn: dict[str, str]) -> Pair | None:  # noqa: ARG001
    for name in ("place", "company", "person"):
        if f"{{{name}}}" in template and f"{{other_{name}}}" in template:
            changed = {**drawn, name: drawn[f"other_{name}"], f"other_{name}": drawn[name]}
            return Pair("swapped names", template.format(**drawn), template.format(**changed))
    return None


def _replaced(draw: random.Random, template: str, drawn: dict[str, str]) -> Pair | None:
    kinds = {"direction": _OPPOSITES, "negation": _NEGATED, "what is asked for": _ASKED}
    kind = draw.choice(list(kinds))
    fitting = [(old, new) for old, new in kinds[kind] if old in template]
    if not fitting:
        return None
    old, new = draw.choice(fitting)
    return Pair(kind, template.format(**drawn), template.replace(old, new, 1).format(**drawn))
