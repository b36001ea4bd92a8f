"""Taxes: exact rows, uniqueness, deletion only when nothing names them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.actions.taxes import delete_tax, update_tax
from billing.models import AuditEntry, Tax
from billing.queries.catalog_use import TaxUse, tax_use
from billing.rules.errors import BillingError, Conflict
from tests.factories.catalog import charge, make_metric, make_plan, make_tax, subscribe
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def test_a_tax_is_written_and_changed_with_before_and_after() -> None:
    tax = make_tax(make_organization(), "vat", "19.5", name="VAT", applied_by_default=True)
    tax.refresh_from_db()
    assert (tax.code, tax.rate, tax.applied_by_default) == ("vat", Decimal("19.5"), True)
    for _ in range(2):
        update_tax(tax, {"rate": Decimal("20"), "applied_by_default": False}, by=ACTOR, at=NOW)
    tax.refresh_from_db()
    assert (tax.rate, tax.applied_by_default) == (Decimal(20), False)
    entry = AuditEntry.objects.get(action="tax.updated")
    assert entry.changes == {"rate": ["19.5000", "20"], "applied_by_default": [True, False]}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rate": "100.1"}, "rate"),
        ({"rate": "-1"}, "rate"),
        ({"rate": "1.23456"}, "rate"),
        ({"name": ""}, "name"),
    ],
)
def test_rates_are_percentages(fields: dict[str, str], field: str) -> None:
    with pytest.raises(BillingError) as caught:
        make_tax(make_organization(), "vat", **fields)
    assert caught.value.field == field
    assert not Tax.objects.exists()


def test_a_code_is_unique_until_deleted_and_a_used_tax_is_kept() -> None:
    acme = make_organization()
    tax = make_tax(acme, "vat")
    with pytest.raises(Conflict):
        make_tax(acme, "vat")
    plan = make_plan(acme, [charge(make_metric(acme), taxes=[tax])], taxes=[tax])
    customer = subscribe(plan).customer
    customer.taxes.add(tax)
    assert tax_use(tax) == TaxUse(plans=1, charges=1, customers=1)
    with pytest.raises(Conflict, match="1 plan, 1 charge, 1 customer") as caught:
        delete_tax(tax, by=ACTOR, at=NOW)
    assert caught.value.code == "tax_in_use"
    plan.taxes.clear()
    plan.charges.get().taxes.clear()
    customer.taxes.clear()
    delete_tax(tax, by=ACTOR, at=NOW)
    tax.refresh_from_db()
    assert tax.deleted_at == NOW
    make_tax(acme, "vat")
