"""Questions on the figures of annual reports whose pages can be told by rule: those that carry the statements themselves.

A second set beside questions that people asked: nobody looks at it to tune anything but the method, and it can be made of any
reports. A statement is the first page whose beginning has its title and which is made of figures; each question goes with the
statements that a textbook computes its measure from. Other pages may well repeat a figure, so recall is a lower bound.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pymupdf

_STATEMENTS: Mapping[str, tuple[str, str]] = {  # title, and what stands further down, both without white space
    "i": (r"statements?of(?:consolidated)?(?:income|earnings|operations)", r"pershare|percommonshare"),
    "b": (r"balancesheets?|statements?offinancial(?:position|condition)", r"totalassets"),
    "c": (r"statements?of(?:consolidated)?cashflows?", r"operatingactivities"),
}
_BEGINNING = 400  # characters
_FIGURES, _SHARE = 60, 0.2  # at least so many, and of all words

_QUESTIONS = """
i What was the total revenue of {c} in FY{y}?
i How much did {c} earn per diluted share in fiscal {y}?
i What is the FY{y} operating margin of {c}?
i What was {c}'s net profit margin for {y}? Give a percentage rounded to one decimal place.
i How large were {c}'s interest costs in {y}?
i What effective tax rate did {c} have in FY{y}?
i By how much did {c}'s cost of goods sold change from FY{p} to FY{y}? Answer in USD millions.
i What is the ratio of R&D to revenue for {c} in FY{y}?
i How much is SG&A as a share of sales at {c} in {y}?
i What is {c}'s interest coverage in FY{y}, using EBIT?
b How much were accounts receivable of {c} at the end of FY{y}?
b What is the year end FY{y} inventory of {c} in USD millions?
b Using the statement of financial position, what is {c}'s FY{y} working capital?
b What is {c}'s current ratio at the close of {y}?
b Compute the quick ratio of {c} for FY{y}.
b How much long-term debt does {c} carry at year end {y}?
b What is the debt to equity ratio of {c} for {y}?
b What were the total assets of {c} at year end {y}?
b How much goodwill is on the books of {c} at the end of {y}?
b What was {c}'s accounts payable balance in {y}?
b What was the net PPE of {c} at FY{y} year end? Respond in USD billions.
b What retained earnings does {c} report for FY{y}?
c How much did {c} spend on capex in FY{y}? You are an analyst and only have the cash flow statement.
c How much cash did {c} generate from operations in {y}?
c What was the free cash flow of {c} in FY{y}?
c How much did {c} pay out in dividends to shareholders in {y}?
c How much of its own stock did {c} buy back in FY{y}?
c What is the depreciation and amortization of {c} for FY{y}?
c What amount of debt did {c} repay in {y}?
c How much net cash did {c} use in financing activities during {y}?
ib What is the FY{y} fixed asset turnover ratio for {c}? It is defined as revenue divided by the average PP&E of FY{p} and FY{y}.
ib What is {c}'s return on assets for FY{y}, that is net income over average total assets?
ib What was the inventory turnover of {c} in FY{y}?
ib What is {c}'s days payable outstanding for FY{y}? DPO is 365 times average accounts payable, divided by cost of sales.
ib What is the days sales outstanding of {c} for FY{y}?
ib What is the return on equity of {c} in {y}?
ic What is the FY{y} unadjusted EBITDA margin of {c}? Use operating income, and depreciation from the cash flow statement.
ic What is the dividend payout ratio of {c} for FY{y}?
ic What is the capital expenditure of {c} as a percentage of revenue in FY{y}?
bc What is {c}'s cash flow from operations to current liabilities ratio in {y}?
"""


def questions(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Half of the questions for each annual report (NAME_YEAR_10K.pdf) whose statements are all found: question, evidence."""
    rows = []
    for file in files:
        name = re.fullmatch(r"([^_]+)_(\d{4})_10K", file.stem)
        pages = statements(file) if name else {}
        if name is None or len(pages) < len(_STATEMENTS):
            continue
        company, year = name[1].title(), int(name[2])
        for line in _QUESTIONS.strip().splitlines():
            kinds, _, text = line.partition(" ")
            if hashlib.sha256(f"{file.name}{text}".encode()).digest()[0] % 2:
                continue
            evidence = [{"document": file.name, "page": pages[kind]} for kind in kinds]
            rows.append({"question": text.format(c=company, y=year, p=year - 1), "evidence": evidence})
    return rows


def statements(file: Path) -> dict[str, int]:
    """The page of each statement that is found: i(ncome), b(alance), c(ash flows)."""
    found: dict[str, int] = {}
    with pymupdf.open(file) as pdf:
        for number, page in enumerate(pdf, 1):
            text = page.get_text()
            words, figures = len(text.split()), len(re.findall(r"\d[\d,.]*", text))
            if figures < _FIGURES or figures < _SHARE * words:
                continue
            said = re.sub(r"\s+", "", text.lower())
            for kind, (title, below) in _STATEMENTS.items():
                if kind not in found and re.search(title, said[:_BEGINNING]) and re.search(below, said):
                    found[kind] = number
    return found
