"""Document numbers."""

from datetime import date

import pytest

from billing.rules.errors import Invalid
from invoicing.rules.numbering import (
    Numbering,
    check_prefix,
    credit_note_number,
    customer_number,
    default_prefix,
    draft_number,
    entity_number,
    invoice_number,
)

DAY = date(2026, 11, 21)


def test_styles() -> None:
    assert entity_number("ACM-12AB", DAY, 7) == "ACM-12AB-202611-007"
    assert entity_number("ACM", DAY, 12345) == "ACM-202611-12345"
    assert customer_number("ACM", 2, 1000) == "ACM-002-1000"
    assert credit_note_number("ACM-202611-007", 2) == "ACM-202611-007-CN002"
    assert draft_number("ACM") == "ACM-DRAFT"
    entity, customer = Numbering.PER_BILLING_ENTITY, Numbering.PER_CUSTOMER
    assert invoice_number(entity, "ACM", on=DAY, entity_sequence=7) == "ACM-202611-007"
    assert invoice_number(customer, "ACM", on=DAY, customer_sequence=2, invoice_sequence=3) == "ACM-002-003"
    for style in Numbering:
        with pytest.raises(ValueError, match="needs"):
            invoice_number(style, "ACM", on=DAY)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("Acme Inc", "ACM-12AB"),
        ("Émile & Co", "EMI-12AB"),
        ("3M", "3M-12AB"),
        ("A. B. C. D.", "ABC-12AB"),
        ("株式会社", "INV-12AB"),
    ],
)
def test_default_prefix(name: str, prefix: str) -> None:
    assert default_prefix(name, "018f2f6e-12ab") == prefix
    assert check_prefix(prefix) == prefix


def test_prefix_in_capitals() -> None:
    assert check_prefix(" acme ") == "ACME"


@pytest.mark.parametrize("prefix", ["", "   ", "ELEVEN-CHAR", "A B", "-A", "É", "A\nB", "<b>"])
def test_bad_prefix(prefix: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_prefix(prefix)
    assert refused.value.code == "invalid_prefix"
