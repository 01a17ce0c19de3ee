"""Questions that a set of company filings cannot answer, made from a seed: of other subjects, of other companies, of other years.

The patterns are those that analysts ask by, and the companies and years are ones that the filings are not about. A name
that the filings mention in passing (a competitor, a customer) does not make such a question answerable.
"""

from __future__ import annotations

import random

_ELSEWHERE = [
    "Which enzyme unwinds the double helix of DNA before it is copied?",
    "At what temperature does water boil on the summit of Mount Everest?",
    "Who painted the ceiling of the Sistine Chapel?",
    "How many moons does the planet Neptune have?",
    "What is the capital of Burkina Faso?",
    "How long should a sourdough loaf rest before it is baked?",
    "In which year did the Berlin Wall fall?",
    "What does the Krebs cycle produce for each molecule of acetyl-CoA?",
    "Which chess opening begins with e4 and c5?",
    "How do I change the timing belt of a Volkswagen Golf?",
    "What is the offside rule in football?",
    "Which composer wrote the Goldberg Variations?",
    "How far is it from Lisbon to Porto by train?",
    "What are the symptoms of vitamin D deficiency?",
    "How is the determinant of a triangular matrix computed?",
    "Which river flows through Baghdad?",
    "What is the gestation period of an African elephant?",
    "How many strings does a cello have?",
    "Who was the first woman to win a Nobel Prize?",
    "What is the recipe for a classic hollandaise sauce?",
]
_COMPANIES = [
    "Tesla",
    "Nike",
    "Coca-Cola",
    "Netflix",
    "Caterpillar",
    "Starbucks",
    "Kraft Heinz",
    "Southwest Airlines",
    "Halliburton",
    "Etsy",
    "Marriott",
    "Novo Nordisk",
]
_PATTERNS = [
    "What is the FY{year} capital expenditure amount (in USD millions) for {company}?",
    "What was {company}'s net revenue in fiscal year {year}?",
    "Does {company} have an improving operating margin profile as of FY{year}?",
    "What is the year end FY{year} net PP&E for {company}? Answer in USD billions.",
    "Which business segment of {company} grew the most in FY{year}?",
    "How much did {company} pay in dividends to its shareholders in {year}?",
    "What drove the change of {company}'s gross margin in FY{year}?",
    "Who are the members of {company}'s board of directors nominated in {year}?",
]


def questions(own: list[str], count: int = 50, seed: int = 20261125) -> list[str]:
    """`own`: companies of the filings, which are asked about years that lie outside of them."""
    draw = random.Random(seed)
    elsewhere = draw.sample(_ELSEWHERE, min(len(_ELSEWHERE), round(0.4 * count)))
    others: list[str] = []
    while len(elsewhere) + len(others) < count:
        far = len(others) % 3 == 2
        company, year = (draw.choice(own), draw.choice((1987, 1994, 1999))) if far else (draw.choice(_COMPANIES), 2022)
        question = draw.choice(_PATTERNS).format(company=company, year=year)
        if question not in others:
            others.append(question)
    return elsewhere + others
