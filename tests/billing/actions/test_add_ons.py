"""Add-ons: what is written, told and refused; what a draft with one becomes under reverse charge."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.actions.add_ons import delete_add_on, update_add_on
from billing.models import AddOn, AuditEntry, EmittedEvent
from billing.queries.add_ons import add_on_use, price_in
from billing.rules.errors import Conflict, FieldErrors, Invalid
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.void import void_invoice
from invoicing.models import InvoiceLine
from tests.factories.catalog import make_add_on, make_tax
from tests.factories.invoicing import billed_customer, default_tax, on
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def test_an_add_on_is_written_told_and_changed() -> None:
    acme = make_organization()
    tax = make_tax(acme)
    row = make_add_on(acme, "setup", taxes=[tax], prices={"USD": 12000})
    assert (price_in(row, "EUR"), price_in(row, "USD"), price_in(row, "JPY")) == (10000, 12000, None)
    for _ in range(2):
        row = update_add_on(row, {"amount_minor": 9000}, prices={"JPY": 15000}, by=ACTOR, at=NOW)
    assert (price_in(row, "EUR"), price_in(row, "USD"), price_in(row, "JPY")) == (9000, None, 15000)
    entry = AuditEntry.objects.get(action="add_on.updated")
    assert entry.changes == {
        "amount_minor": [10000, 9000],
        "price in JPY": [None, {"currency": "JPY", "amount_minor": 15000}],
    }
    assert list(EmittedEvent.objects.order_by("id").values_list("name", flat=True)) == [
        "add_on.created",
        "add_on.updated",
    ]


def test_what_makes_no_sense_is_named() -> None:
    acme = make_organization()
    row = make_add_on(acme, "setup", prices={"USD": 1})
    with pytest.raises(Conflict, match="Another add-on has the code setup"):
        make_add_on(acme, "setup")
    with pytest.raises(FieldErrors) as refused:
        update_add_on(row, {}, prices={"EUR": 1, "USD": -1}, by=ACTOR, at=NOW)
    assert [name for name, _ in refused.value.errors] == ["prices.USD", "prices.EUR"]
    with pytest.raises(Conflict) as taken:
        update_add_on(row, {"currency": "USD"}, by=ACTOR, at=NOW)
    assert taken.value.code == "price_exists"
    with pytest.raises(Invalid):
        update_add_on(row, {"amount_minor": -1}, by=ACTOR, at=NOW)
    row.refresh_from_db()
    assert (row.currency, row.amount_minor) == ("EUR", 10000)


def test_a_billed_add_on_is_counted_and_its_lines_outlive_it() -> None:
    acme = make_organization()
    default_tax(acme, "20")
    row = make_add_on(acme, "setup", taxes=[make_tax(acme, rate="7")])
    items = [Item("Setup", Decimal(100), add_on=row), Item("By hand", Decimal(100))]
    made = [
        create_one_off(billed_customer(acme), items, finalize=True, by=ACTOR, at=on(2026, 1, 1))
        for _ in range(2)
    ]
    assert [line.tax_minor for line in made[0].lines.order_by("position")] == [700, 2000]
    assert (add_on_use(row).customers, add_on_use(row).invoices) == (2, 2)
    void_invoice(made[0], by=ACTOR, at=on(2026, 1, 2))
    assert (add_on_use(row).customers, add_on_use(row).invoices) == (1, 1)
    delete_add_on(row, by=ACTOR, at=NOW)
    assert not AddOn.objects.of(acme).kept().exists()
    assert InvoiceLine.objects.filter(add_on=row).count() == 2
    with pytest.raises(FieldErrors, match="has been deleted"):
        create_one_off(
            billed_customer(acme),
            [Item("Setup", Decimal(1), add_on=AddOn.objects.get())],
            by=ACTOR,
            at=NOW,
        )
