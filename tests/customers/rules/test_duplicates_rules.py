"""When two customers look like one: hand-checked pairs, and laws of the score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.rules.duplicates import (
    EMAIL,
    NAME,
    PHONE,
    SIMILAR,
    TAX_ID,
    WEIGHTS,
    Facts,
    Reason,
    mailbox,
    plain_name,
    plain_number,
    plain_phone,
    reasons,
    score,
    similarity,
)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("ACME Trading Ltd.", "acme trading"),
        ("Acme  Trading", "acme trading"),
        ("Müller & Söhne GmbH", "muller sohne"),
        ("S.A. Lumière S.A.R.L.", "lumiere"),
        ("O'Neill", "oneill"),
        ("Ltd", ""),
        ("株式会社白石", "株式会社白石"),
    ],
)
def test_names_without_what_does_not_matter(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_mailboxes_numbers_and_phones() -> None:
    assert mailbox("Jo.Doe+news@Mail.Example") == mailbox("jodoe@mail.example") == "jodoe@mail.example"
    assert plain_number(" DE 136-695 976 ") == "DE136695976" and plain_number("12 34") == ""
    assert plain_phone("+49 (30) 123 45 67") == plain_phone("030/1234567") == "301234567"
    assert plain_phone("110") == ""
    assert plain_phone("0049 30 1234567") == plain_phone("+49 30 1234567")


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        (Facts(("Acme",)), Facts(("Globex",)), []),
        (Facts(), Facts(), []),
        (Facts(("Acme Ltd",)), Facts(("ACME",)), [NAME]),
        (Facts(("Shop", "Acme Ltd")), Facts(("Store", "ACME")), [NAME]),
        (Facts(("Kampala Coffee Roasters",)), Facts(("Kampala Cofee Roasters",)), [SIMILAR]),
        (Facts(email="a.b@x.example"), Facts(email="ab+1@x.example"), [EMAIL]),
        (Facts(phone="+256 700 123456"), Facts(phone="0700123456"), [PHONE]),
        (Facts(phone="110"), Facts(phone="110"), []),
        (Facts(tax_numbers=("DE1", "DE136695976")), Facts(tax_numbers=("de 136695976",)), [TAX_ID]),
        (
            Facts(("Acme",), "a@x.example", "0700123456", ("DE136695976",)),
            Facts(("ACME",), "a+1@x.example", "0700123456", ("DE136695976",)),
            [TAX_ID, EMAIL, NAME, PHONE],
        ),
    ],
)
def test_reasons(one: Facts, other: Facts, kinds: list[str]) -> None:
    assert [reason.kind for reason in reasons(one, other)] == kinds
    assert [reason.kind for reason in reasons(other, one)] == kinds


def test_the_score_of_two_reasons() -> None:
    assert score([Reason(TAX_ID, "x"), Reason(PHONE, "y")]) == 96
    assert score([Reason(SIMILAR, "x", 75)]) == 30
    assert score([]) == 0
    assert Reason(PHONE, "110 22").text == "Same phone: 110 22"


@given(st.lists(st.sampled_from(sorted(WEIGHTS))), st.sampled_from(sorted(WEIGHTS)))
def test_one_more_reason_never_lowers_the_score(kinds: list[str], more: str) -> None:
    found = [Reason(kind, "x", 80) for kind in kinds]
    assert score(found) <= score([*found, Reason(more, "x", 80)]) <= 99


@given(st.text(max_size=20), st.text(max_size=20))
def test_similarity_is_the_same_both_ways(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 100
    assert not one or similarity(one, one) == 100
