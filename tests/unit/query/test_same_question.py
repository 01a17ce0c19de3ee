"""Which questions are one, and which differ in a thing that could change the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.query.same_question import same_question
from scripts.bench.question_pairs import pairs

SAME = [
    ("What is the warranty period of the X200?", "Please tell me the warranty period of the X200."),
    ("What is the warranty period of the X200?", "I'd like to know what the X200's warranty period is"),
    ("Who approves travel requests?", "Can you tell me who approves travel requests?"),
    ("How do I reset my password?", "How can I reset my password?"),
    ("How do I reset my password?", "what is the way to reset my password"),
    ("When does the contract with Hansen & Co begin?", "When does the contract with Hansen & Co start?"),
    ("What was Acme's revenue in Q3 2022?", "In Q3 2022, what was the revenue of Acme?"),
    ("What was Acme's revenue in the third quarter of 2022?", "What was Acme's revenue in Q3 of 2022?"),
    ("How many vacation days do new employees get per year?", "How many vacation days per year do new employees get?"),
    ("Are visitors allowed to take photos?", "Can visitors take photos?"),
    ("Do I have to wear a helmet in hall 4?", "Must I wear a helmet in hall 4?"),
    ("what's the deadline for tax returns", "What is the deadline for tax returns?"),
    ("How much is the fee for 1,500 units?", "What is the fee for 1500 units?"),
    ("What does the policy say about gifts?", "According to the documents, what does the policy say about gifts?"),
    ("Why was project Falcon cancelled?", "For what reason was project Falcon cancelled?"),
    ("Who is the CFO of Acme?", "Who is the chief financial officer of Acme?"),
    ("List the members of the board.", "What are the members of the board?"),
]

OTHER = {
    "year": ("What was Acme's revenue in 2021?", "What was Acme's revenue in 2022?"),
    "year that is left out": ("What was Acme's revenue in 2021?", "What was Acme's revenue?"),
    "number": ("Is a deposit of 300 euros enough?", "Is a deposit of 3000 euros enough?"),
    "decimal": ("Is a dose of 1.5 mg safe?", "Is a dose of 15 mg safe?"),
    "decimal comma": ("Is a dose of 1,5 mg safe?", "Is a dose of 15 mg safe?"),
    "sign": ("Does it work at -5 degrees?", "Does it work at 5 degrees?"),
    "spelled number": ("Do three managers have to sign?", "Do two managers have to sign?"),
    "month": ("What were sales in March?", "What were sales in May?"),
    "month that is left out": ("What were sales in May?", "What were sales?"),
    "date": ("What is due on 3 May 2024?", "What is due on 5 March 2024?"),
    "unit": ("How long is the cable in metres?", "How long is the cable in feet?"),
    "unit of time": ("Is the notice 3 weeks?", "Is the notice 3 months?"),
    "currency sign": ("Are meals under $50 reimbursed?", "Are meals under €50 reimbursed?"),
    "scale": ("Is revenue 5 million?", "Is revenue 5 billion?"),
    "temperature": ("Is 40 °C too hot?", "Is 40 °F too hot?"),
    "name": ("Who manages the Berlin office?", "Who manages the Bern office?"),
    "part of a name": ("Where does Maria Lopez work?", "Where does Maria Gomez work?"),
    "product": ("What is the warranty of the X200?", "What is the warranty of the X300?"),
    "department in capitals": ("What is the IT budget?", "What is the budget?"),
    "negation": ("Can interns work from home?", "Can interns not work from home?"),
    "contracted negation": ("Does the policy cover theft?", "Doesn't the policy cover theft?"),
    "never": ("Is the server rebooted on Sundays?", "Is the server never rebooted on Sundays?"),
    "without": ("Can I travel with a visa?", "Can I travel without a visa?"),
    "prefix": ("Is the fee refundable?", "Is the fee non-refundable?"),
    "opposite": ("Is paid leave carried over?", "Is unpaid leave carried over?"),
    "increase and decrease": ("Why did costs increase?", "Why did costs decrease?"),
    "above and below": ("Who signs above 10,000?", "Who signs below 10,000?"),
    "before and after": ("What happens before the audit?", "What happens after the audit?"),
    "at least and at most": ("Do I need at least 3 quotes?", "Do I need at most 3 quotes?"),
    "first and last": ("Who was the first chair?", "Who was the last chair?"),
    "gross and net": ("What was the gross margin?", "What was the net margin?"),
    "to and from": ("How do I move files to the archive?", "How do I move files from the archive?"),
    "by and to": ("What was paid by suppliers?", "What was paid to suppliers?"),
    "swapped around a verb": ("Did Acme sue Globex?", "Did Globex sue Acme?"),
    "swapped in small letters": ("did acme sue globex", "did globex sue acme"),
    "swapped nouns": ("What do nurses tell doctors?", "What do doctors tell nurses?"),
    "swapped around than": ("Is Lyon larger than Porto?", "Is Porto larger than Lyon?"),
    "swapped around to": ("How far is it from Lyon to Porto?", "How far is it from Porto to Lyon?"),
    "converted": ("How do I convert euros to dollars?", "How do I convert dollars to euros?"),
    "owner": ("Who is the manager of Tom's assistant?", "Who is the assistant of Tom's manager?"),
    "is a": ("Is every contractor an employee?", "Is every employee a contractor?"),
    "done and suffered": ("When did Acme acquire?", "When was Acme acquired?"),
    "who and when": ("Who signed the lease?", "When was the lease signed?"),
    "how many and which": ("How many sites were closed?", "Which sites were closed?"),
    "where and when": ("Where is the meeting?", "When is the meeting?"),
    "must and may": ("Must guests sign in?", "May guests sign in?"),
    "is and was": ("Who is the chair?", "Who was the chair?"),
    "will and did": ("Will prices rise?", "Did prices rise?"),
    "and and or": ("Are cats and dogs allowed?", "Are cats or dogs allowed?"),
    "all and some": ("Are all files deleted?", "Are some files deleted?"),
    "only": ("Can managers approve leave?", "Can only managers approve leave?"),
    "group": ("What is the leave of employees?", "What is the leave of managers?"),
    "more said": ("What is the travel policy?", "What is the travel policy for contractors?"),
    "clause": ("What does section 4.1 say?", "What does section 4.2 say?"),
    "permit and permission": ("How do I request parking?", "How do I request a parking permit?"),
    "nothing said": ("What is it?", "How is it?"),
    "version": ("What is new in version 2.1?", "What is new in version 2.10?"),
    "order of numbers": ("Can I go from level 2 to level 5?", "Can I go from level 5 to level 2?"),
    "every and every other": ("Is it checked every week?", "Is it checked every other week?"),
    "left": ("How many days of leave are left?", "How many days of leave are there?"),
}


@pytest.mark.parametrize(("one", "other"), SAME)
def test_other_words_of_asking_make_no_other_question(one: str, other: str) -> None:
    assert same_question(one, other)
    assert same_question(other, one)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER.keys())
def test_what_could_change_the_answer_makes_another_question(one: str, other: str) -> None:
    assert not same_question(one, other)
    assert not same_question(other, one)
    assert not same_question(f"Could you please tell me: {one}", other)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_judged_alike_both_ways(one: str, other: str) -> None:
    assert same_question(one, other) == same_question(other, one)


def test_of_many_drawn_pairs_none_is_taken_for_another() -> None:
    """The short form of scripts/bench/bench_semantic_cache.py."""
    drawn = list(pairs(seed=41, each=20))
    wrong = [pair for pair in drawn if pair.kind != "paraphrase" and same_question(pair.one, pair.other)]
    assert wrong == []
    paraphrases = [pair for pair in drawn if pair.kind == "paraphrase"]
    assert sum(same_question(pair.one, pair.other) for pair in paraphrases) > len(paraphrases) / 3
