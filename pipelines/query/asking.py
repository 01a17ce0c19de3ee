"""The words of asking: what is said around a question, what is asked for, and plain words for one thing.

They are few and mean the same wherever they stand. Words of a trade are not among them: to a lawyer, a contract and an
agreement are two things.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.VERBOSE)


_TELL = (
    r"tell|inform|remind|show|give|explain\ to|explain|describe|say|clarify|state|specify|provide|find|look\ up|list|name"
    r"|identify"
)
_KNOW = r"know|learn|find\ out|understand|ask|see|hear|be\ told|figure\ out|check"
OPENINGS = _pattern(
    rf"""^(?:(?:hi|hello|hey|please|kindly|so|ok|okay|well|now|and|also|thanks|quick\ question)\b[\s,.:!-]*
    |(?:can|could|would|will)\ (?:you|someone|anyone|somebody|anybody)\ (?:please\ |kindly\ |possibly\ |also\ )?(?:{_TELL})\b
        (?:\ (?:me|us|out|for\ me)\b)?(?:\ about\b)?[\s,:]*
    |(?:please\ )?(?:{_TELL})\ (?:me|us|out|for\ me)\b(?:\ about\b)?[\s,:]*
    |(?:explain|describe)\b\s+
    |(?:state|specify|provide|find|look\ up|list|name|identify|determine)\b\s+(?=(?:the|all|what|who|how|when|where|why|which)\b)
    |(?:i|we)(?:\ would|\ will|\ really|\ just)*\ (?:like|want|need|love|wish|hope)\ to\ (?:{_KNOW})\b
        (?:\ (?:about|out)\b)?[\s,:]*
    |(?:i|we)\ (?:wonder|was\ wondering|am\ wondering|am\ curious|am\ asking|am\ looking\ for|am\ trying\ to\ (?:{_KNOW}))\b
        (?:\ (?:about|out)\b)?[\s,:]*
    |(?:do|does|would)\ (?:you|anyone|anybody|someone)\ (?:happen\ to\ )?know\b(?:\ about\b)?[\s,:]*
    |(?:can|could|may|might)\ (?:i|we)\ (?:please\ )?(?:{_KNOW})\b(?:\ about\b)?[\s,:]*
    |let\ (?:me|us)\ know\b(?:\ about\b)?[\s,:]*
    |what\ (?:can|could)\ you\ tell\ (?:me|us)\ about\b
    |(?:any\ idea|does\ it\ say|my\ question\ is|the\ question\ is)\b(?:\ about\b)?[\s,:]*
    |(?:according\ to|in|from|based\ on|per)\ (?:the\ |our\ |these\ |those\ |my\ )?
        (?:documents?|files?|uploads?|sources?|texts?)\b[\s,:]*
    )"""
)
ENDINGS = _pattern(
    r"""(?:[\s,.;:!?-]|\b(?:please|thanks|thank[ ]you|exactly|if[ ]you[ ]know
    |(?:according[ ]to|in|from|based[ ]on|per)[ ](?:the[ ]|our[ ]|these[ ]|those[ ]|my[ ])?
        (?:documents?|files?|sources?|texts?)))+$"""
)

REWRITES = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"^((?:in|for|during|at|on|since|as of) [^,?]{1,40}), ?(.+)$", r"\2 \1"),
        (r"^(?:is|was) it (?:true|correct|right|so|the case)(?: that)?\b|^(?:whether|if)\b", "whether"),
        (r"\bit (is|was)\b|\b(is|was) it\b", r"\1\2"),
        (r"\be-mail", "email"),
        (r"\bfy ?(?=\d{4}\b)", "fiscal year "),
        (r"\b(first|1st) quarter\b", "q1"),
        (r"\b(second|2nd) quarter\b", "q2"),
        (r"\b(third|3rd) quarter\b", "q3"),
        (r"\b(fourth|4th) quarter\b", "q4"),
        (r"\bceo\b", "chief executive officer"),
        (r"\bcfo\b", "chief financial officer"),
        (r"\bcto\b", "chief technology officer"),
        (r"\bhr\b", "human resources"),
        (r"\bu\.? ?k\.?(?=\W|$)", "united kingdom"),
        (r"\bu\.s\.(?:a\.)?|\busa\b|\bus_\b", "united states"),
        (r"\beu\b", "european union"),
        (r"%", " percent"),
        (r"\bper cent\b", "percent"),
        (r"\bin (?:what|which) way\b", "how"),
        (r"\b(?:what|which) (?:is|are|was|were) the (?:way|ways|steps?) (?:to|for)\b", "how"),
        (r"\bhow (?:to|does one|do you|would i|should one)\b", "how do i"),
        (
            r"\b(?:what|which) (?:is|are|was|were) the reasons? (?:for|why|that)\b|\bfor (?:what|which) reasons?\b|\bhow come\b",
            "why",
        ),
        (r"\b(?:on|at|by) (?:what|which) (?:date|day|time)\b|\b(?:what|which) date\b", "when"),
        (r"\b(?:what|which) (?:is|was) the date (?:of|when|on which|that)\b", "when"),
        (r"\b(?:what|which) (?:is|was) the name of the (?:person|one) (?:who|that)\b|\b(?:what|which) person\b", "who"),
        (r"^who (is|are|was|were) (?=(?:the|our|my)\b|\w+ s\b)", r"what \1 "),
        (r"^who ((?:the|our|my)\b.*|\w+ s\b.*) (is|are|was|were)$", r"what \2 \1"),
        (r"\bin (?:what|which) year\b", "when"),
        (r"^(?:what|which) (is|are|was|were) the names? of\b", r"what \1"),
        (r"\b(?:in|at) (?:what|which) (?:place|location)\b", "where"),
        (r"\b(?:what|which) (?:is|are|was|were) the (?:total )?(?:number|count|quantity|amount) of\b", "quantity"),
        (r"\b(?:what|which) (?:number|quantity|amount) of\b|\bthe (?:number|quantity|amount) of\b", "quantity"),
        (r"\bhow much (?=(?:is|are|was|were)\b)", "what "),
        (r"\bhow (?:many|much)(?: of the)?\b", "quantity"),
        (r"\b(is|are) (?:allowed|permitted|possible) for\b", r"can "),
        (r"\b(?:have|has|had) to\b", "must"),
        (r"\b(?:are|is|am|was|were) (?:able|allowed|permitted) (?:to\b)?", "can "),
        (r"\bthat\b", " "),
    )
)

WH: Mapping[str, str] = {
    "whether": "whether",
    "quantity": "quantity",
    "how": "how",
    "what": "what",
    "which": "what",
    "who": "who",
    "whom": "who",
    "whose": "whose",
    "when": "when",
    "where": "where",
    "why": "why",
}

IGNORED = frozenset(
    "a an the is are was were be been being am do does did of and in on at for to there please s".split()  # noqa: SIM905
)

_SHORT = 3

IRREGULAR: Mapping[str, str] = {
    form: plain
    for plain, *forms in (
        ("make", "made"), ("pay", "paid"), ("sell", "sold"), ("buy", "bought"), ("begin", "began", "begun"),
        ("spend", "spent"), ("grow", "grew", "grown"), ("rise", "rose", "risen"), ("fall", "fell", "fallen"),
        ("get", "got", "gotten"), ("give", "gave", "given"), ("take", "took", "taken"), ("hold", "held"),
        ("have", "has", "had"), ("write", "wrote", "written"), ("choose", "chose", "chosen"), ("send", "sent"),
        ("build", "built"), ("lead", "led"), ("keep", "kept"), ("become", "became"), ("win", "won"), ("lose", "lost"),
        ("say", "said"), ("person", "people"), ("child", "children"), ("man", "men"), ("woman", "women"), ("foot", "feet"),
    )
    for form in forms
}  # fmt: skip


def base(word: str) -> str:
    """A word without its inflection, as far as its letters tell: "policies" is "policy", "acquired" is as "acquire"."""
    word = IRREGULAR.get(word, word)
    if len(word) <= _SHORT or not word.isalpha():
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "uses")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith("ied"):
        word = f"{word[:-3]}y"
    elif word.endswith("ed") and len(word) > _SHORT + 2:
        word = word[:-2]
        if word[-1] == word[-2] and word[-1] not in "lsz":
            word = word[:-1]
    return word.removesuffix("e") if len(word) > _SHORT + 1 else word


_GROUPS = """
    employee worker staff personnel
    get receive obtain entitled have
    begin start commence
    finish conclude
    buy purchase
    company firm organisation organization enterprise corporation
    annual yearly
    total overall aggregate
    help assist
    must require need oblige obligatory mandatory compulsory necessary
    can may able allowed permitted possible might could
    will would shall
    large big
    quick fast rapid
    phone telephone
    maximum max
    minimum min
    locate situate
    change modify alter
    choose select pick
    happen occur
    build construct
    child kid
    customer client
    supplier vendor
    goal objective aim
    kind type sort
    often frequent
    current present now
    per each every
    approximately roughly around
    reply respond
    i me my mine we us our ours
"""
CLASSES: Mapping[str, str] = {
    form: group.split()[0]
    for group in _GROUPS.strip().splitlines()
    for word in group.split()
    for form in ((word,) if group.split()[0] == "can" else (word, base(word)))  # a permit is no permission
}
