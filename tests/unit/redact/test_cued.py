"""What only the words around it give away."""

from __future__ import annotations

import pytest

from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy
from pipelines.ingest.redact import DEFAULT_POLICY, EVERYTHING, redact_text
from pipelines.ingest.redact.detect import detect


def found(text: str, policy: PiiPolicy = EVERYTHING) -> set[tuple[str, str]]:
    return {(span.entity, text[span.start : span.end]) for span in detect(text, policy)}


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("She is 47 years old.", "AGE", "47"),
        ("a 62-year-old patient", "AGE", "62"),
        ("retired at the age of 65 in spring", "AGE", "65"),
        ("My son just turned 18.", "AGE", "18"),
        ("Date of birth: 1984-03-12", "DATE_OF_BIRTH", "1984-03-12"),
        ("born on 3 May 1971 in a village", "DATE_OF_BIRTH", "3 May 1971"),
        ("DOB (dd/mm/yyyy): 12/03/1984", "DATE_OF_BIRTH", "12/03/1984"),
        ("driver's license number is F162823540116", "US_DRIVER_LICENSE", "F162823540116"),
        ("Passport No. C01X00T47 was issued", "PASSPORT", "C01X00T47"),
        ("bank account 12345678 at the branch", "BANK_ACCOUNT", "12345678"),
        ("Account number: 0012 3456 7890", "BANK_ACCOUNT", "0012 3456 7890"),
        ("licence plate B-MW 1234 was seen", "LICENSE_PLATE", "B-MW 1234"),
        ("registered under plate 7XYZ123 to her", "LICENSE_PLATE", "7XYZ123"),
        ("a van, plate AB12 CDE, left", "LICENSE_PLATE", "AB12 CDE"),
        ("ring +1 379 755 1438 before noon", "PHONE_NUMBER", "+1 379 755 1438"),
        ("or 001-400-201-7173 after", "PHONE_NUMBER", "001-400-201-7173"),
        ("Postcode: SW1A 1AA", "ZIP_CODE", "SW1A 1AA"),
        ("PESEL 44051401359", "NATIONAL_ID", "44051401359"),
        ("DNI 12345678Z", "NATIONAL_ID", "12345678Z"),
        ("henkilötunnus 131052-308T", "NATIONAL_ID", "131052-308T"),
        ("Steuer-IdNr. 86095742719", "NATIONAL_ID", "86095742719"),
        ("NHS number 943 476 5919", "NATIONAL_ID", "943 476 5919"),
        ("api_key = 'a8f5f167f44f4964e6c998dee827110c'", "API_KEY", "a8f5f167f44f4964e6c998dee827110c"),
        ("password: hunter2000", "API_KEY", "hunter2000"),
        ("see https://people.example.com/~ada for more", "DOMAIN_NAME", "https://people.example.com/~ada"),
        ("on 12 March 2019 it rained", "DATE_TIME", "12 March 2019"),
        ("Mrs. Lovelace called", "TITLE", "Mrs."),
    ],
)
def test_it_is_found(text: str, entity: str, value: str) -> None:
    assert (entity, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "The warranty turned 40% of buyers away, and 30 years later 12 pages were left.",
        "PESEL 44051401358",  # its check digit is wrong
        "The number 44051401359 stands alone.",
        "No account of 2022 is complete; accounts payable 12345678.",
        "The passport to success is practice.",
        "token = make_token_for_the_current_user_of_request(now)",
        "secret_key = settings.bootstrap_key_of_first_tenant2",
        "digits[::2] and rows[1::2] on 127.0.0.1 and 0.0.0.0, see ECMA-376 17.7.4.17",
        "The licence number of seats is unlimited.",
        "Plate 3B shows the wing, plates 12 and 13 the legs; plate tectonics explains it.",
    ],
)
def test_what_looks_like_it_stays(text: str) -> None:
    assert redact_text(text, DEFAULT_POLICY, b"key")[0] == text


def test_what_is_allowed_stays_with_all_its_parts() -> None:
    policy = PiiPolicy(
        "own",
        {entity: EntityRule(PiiAction.PLACEHOLDER, 0.3) for entity in ("EMAIL_ADDRESS", "DOMAIN_NAME", "PHONE_NUMBER")},
        allow=("*@support.example.org", "+1 905-674-3793", "https://example.org/*"),
    )
    text = "Desk@support.example.org, +1 905-674-3793 or https://example.org/people/ada; not ada@example.org, 905-674-3794."
    redacted, report = redact_text(text, policy, b"key")
    assert redacted.startswith(
        "Desk@support.example.org, +1 905-674-3793 or https://example.org/people/ada; not <EMAIL_1>"
    )
    assert report.counts == {"EMAIL_ADDRESS": 1, "PHONE_NUMBER": 1}


def test_a_hash_is_long_and_the_tenants_own() -> None:
    policy = PiiPolicy("own", {"EMAIL_ADDRESS": EntityRule(PiiAction.HASH, 0.3)})
    one, other = (redact_text("ada@example.com", policy, key)[0] for key in (b"one", b"other"))
    assert len(one) == len("<EMAIL_>") + 32
    assert one != other
    assert redact_text(one, policy, b"one")[0] == one
