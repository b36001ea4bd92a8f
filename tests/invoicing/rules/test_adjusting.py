"""Corrected lines of drafts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.errors import Invalid
from billing.rules.proration import SubscriptionFee
from invoicing.rules.adjusting import Correction, Edit, Edits, Pricing, corrected, line_key
from invoicing.rules.lines import Line, LineFacts, charge_line, subscription_line

FACTS = LineFacts("API calls", "EUR")
STANDARD = Pricing("standard", {"amount": "10"})
PACKAGE = Pricing("package", {"amount": "5", "packageSize": 10, "freeUnits": 0})
PERCENTAGE = Pricing("percentage", {"rate": "1"})
PRORATED = Pricing("graduated", {}, prorated=True)


def usage_line(units: str, pricing: Pricing = STANDARD) -> Line:
    usage = Usage(Decimal(units), 4)
    return charge_line(FACTS, price(pricing.model, pricing.properties, usage), usage)


@pytest.mark.parametrize(
    ("pricing", "units", "unit_amount", "minor", "each"),
    [
        (STANDARD, "3", "150.00", 45000, "150"),
        (STANDARD, "3", None, 3000, "10"),
        (PACKAGE, "11", None, 1000, "0.9090909091"),
        (PACKAGE, "11", "0.01", 11, "0.01"),
        (PERCENTAGE, "3", "0.005", 2, "0.005"),
        (STANDARD, "0", None, 0, "0"),
    ],
)
def test_by_hand(pricing: Pricing, units: str, unit_amount: str | None, minor: int, each: str) -> None:
    wanted = Correction(Decimal(units), None if unit_amount is None else Decimal(unit_amount))
    found = corrected(usage_line("1", pricing), wanted, pricing)
    assert (found.amount_minor, found.units, found.events_count) == (minor, Decimal(units), 4)
    assert round(found.unit_amount, 10) == Decimal(each)
    assert sum((step.amount for step in found.steps), Decimal(0)) == found.exact


def test_a_fee_is_taken_that_many_times_or_at_another_price() -> None:
    line = subscription_line(FACTS, SubscriptionFee(31, 31, Decimal(12900)), 12900)
    assert corrected(line, Correction(Decimal(2))).amount_minor == 25800
    assert corrected(line, Correction(Decimal(2), Decimal("99.999"))).amount_minor == 20000


def test_a_name_changes_no_figure() -> None:
    line = usage_line("7")
    found = corrected(line, Correction(name="Calls"), STANDARD)
    assert found.facts.description == "Calls"
    assert (found.units, found.amount_minor, found.steps) == (line.units, line.amount_minor, line.steps)


@pytest.mark.parametrize(
    ("correction", "pricing", "field"),
    [
        (Correction(Decimal(-1)), STANDARD, "units"),
        (Correction(Decimal(1), Decimal(-1)), STANDARD, "unitAmount"),
        (Correction(unit_amount=Decimal(1)), STANDARD, "units"),
        (Correction(), STANDARD, "units"),
        (Correction(Decimal(1)), PERCENTAGE, "unitAmount"),
        (Correction(Decimal(1)), PRORATED, "unitAmount"),
        (Correction(Decimal(10) ** 12), STANDARD, "units"),
    ],
)
def test_refused(correction: Correction, pricing: Pricing, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        corrected(usage_line("1"), correction, pricing)
    assert refused.value.field == field


@given(st.decimals(0, 10**6, places=2), st.decimals(0, 10**6, places=2))
def test_units_alone_are_what_would_have_been_measured(measured: Decimal, wanted: Decimal) -> None:
    for pricing in (STANDARD, PACKAGE):
        found = corrected(usage_line(str(measured), pricing), Correction(wanted), pricing)
        usual = usage_line(str(wanted), pricing)
        assert (found.amount_minor, found.exact, found.unit_amount) == (
            usual.amount_minor,
            usual.exact,
            usual.unit_amount,
        )


@given(st.decimals(0, 10**6, places=2), st.decimals(0, 10**6, places=2), st.decimals(0, 10**4, places=4))
def test_an_edit_finds_its_line_whatever_was_measured(
    measured: Decimal, wanted: Decimal, price_each: Decimal
) -> None:
    line = usage_line(str(measured))
    key = line_key(line.kind, line.facts)
    found = Edits({key: Edit(Correction(wanted, price_each, "Other"))}).applied_to(line, STANDARD)
    assert found.original == line and line_key(found.kind, found.facts) == key
    assert found.exact == wanted * price_each
    assert Edits().applied_to(line, STANDARD) == line


def test_a_model_that_wants_single_events_by_now_takes_the_price_of_the_line() -> None:
    """Nothing may stop a bill: 3 units at what one came to."""
    line = usage_line("4")
    edits = Edits({line_key(line.kind, line.facts): Edit(Correction(Decimal(3)))})
    assert edits.applied_to(line, PERCENTAGE).amount_minor == 3000
