"""The organization's own fields: definitions, values on customers, and what stands on an invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import AuditEntry, Organization
from billing.rules.errors import Conflict, FieldErrors
from customers.actions.custom_fields import (
    create_custom_field,
    delete_custom_field,
    move_custom_field,
    update_custom_field,
)
from customers.actions.customers import update_customer
from customers.models import CustomField
from customers.queries.custom_fields import custom_fields, field_use, shown
from invoicing.actions.one_off import Item, create_one_off
from invoicing.queries.document import invoice_document
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def define(organization: Organization, code: str, **values: Any) -> CustomField:
    return create_custom_field(organization, {"name": code.title(), "code": code} | values, by=ACTOR, at=NOW)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"code": "no spaces"}, "code"),
        ({"kind": "poem"}, "kind"),
        ({"kind": "choice"}, "choices"),
        ({"kind": "choice", "choices": "Gold"}, "choices"),
        ({"kind": "choice", "choices": [f"c{n}" for n in range(61)]}, "choices"),
        ({"position": 3}, "position"),
    ],
)
def test_bad_definitions(organization: Organization, values: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        create_custom_field(organization, {"name": "X", "code": "x"} | values, by=ACTOR, at=NOW)
    assert field in [name for name, _ in refused.value.errors]
    assert not CustomField.objects.exists()


def test_codes_are_one_per_organization(organization: Organization) -> None:
    define(organization, "tier")
    with pytest.raises(Conflict) as refused:
        define(organization, "tier")
    assert refused.value.field == "code"
    define(make_organization("Other"), "tier")


def test_values_change_by_key(organization: Organization) -> None:
    for code, kind in (("seats", "number"), ("since", "date"), ("note", "text")):
        define(organization, code, kind=kind)
    customer = make_customer(organization, custom_fields={"seats": "5", "since": "2026-01-31"})
    assert customer.custom_fields == {"seats": 5, "since": "2026-01-31"}
    customer = update_customer(customer, {"custom_fields": {"since": None, "note": "x"}}, by=ACTOR, at=NOW)
    assert customer.custom_fields == {"seats": 5, "note": "x"}
    assert [item.text for item in shown(customer, custom_fields(organization))] == ["5", "", "x"]


def test_bad_and_unknown_values_name_their_code(organization: Organization) -> None:
    define(organization, "seats", kind="number")
    with pytest.raises(FieldErrors) as refused:
        make_customer(organization, custom_fields={"seats": "many", "colour": "red"})
    assert [name for name, _ in refused.value.errors] == ["custom_fields", "custom_fields"]
    assert "seats" in refused.value.errors[0][1] and "colour" in refused.value.errors[1][1]


def test_required_fields_are_needed_by_new_customers_only(organization: Organization) -> None:
    old = make_customer(organization)
    define(organization, "tier", required=True)
    with pytest.raises(FieldErrors, match="tier: This field is required"):
        make_customer(organization)
    update_customer(old, {"name": "Still fine"}, by=ACTOR, at=NOW)
    new = make_customer(organization, custom_fields={"tier": "gold"})
    with pytest.raises(FieldErrors):
        update_customer(new, {"custom_fields": {"tier": None}}, by=ACTOR, at=NOW)


def test_what_customers_have_values_of_stands_still(organization: Organization) -> None:
    field = define(organization, "tier", kind="choice", choices=["Gold", "Silver"])
    make_customer(organization, custom_fields={"tier": "Gold"})
    for changes, name in (
        ({"code": "level"}, "code"),
        ({"kind": "text"}, "kind"),
        ({"choices": ["Silver"]}, "choices"),
    ):
        with pytest.raises(Conflict) as refused:
            update_custom_field(field, changes, by=ACTOR, at=NOW)
        assert refused.value.field == name
    field = update_custom_field(field, {"choices": ["Gold", "Bronze"], "name": "Level"}, by=ACTOR, at=NOW)
    assert (field.name, field.choices) == ("Level", ["Gold", "Bronze"])


def test_order(organization: Organization) -> None:
    first, _, last = (define(organization, code) for code in "abc")
    move_custom_field(last, up=True, by=ACTOR, at=NOW)
    assert [row.code for row in custom_fields(organization)] == ["a", "c", "b"]
    move_custom_field(first, up=True, by=ACTOR, at=NOW)
    assert AuditEntry.objects.filter(action="custom_field.moved").count() == 1


def test_deleting_takes_the_values_away(organization: Organization) -> None:
    field = define(organization, "tier")
    other = make_organization("Other")
    define(other, "tier")
    mine = make_customer(organization, custom_fields={"tier": "x"})
    theirs = make_customer(other, custom_fields={"tier": "x"})
    assert field_use(field) == 1
    assert delete_custom_field(field, by=ACTOR, at=NOW) == 1
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.custom_fields, theirs.custom_fields) == ({}, {"tier": "x"})


def test_a_final_invoice_keeps_what_it_shows(organization: Organization) -> None:
    define(organization, "cost_centre", on_invoice=True)
    define(organization, "start", kind="date", on_invoice=True)
    define(organization, "gold", kind="boolean", on_invoice=True)
    define(organization, "rate", kind="number", on_invoice=True)
    define(organization, "secret")
    values = {
        "cost_centre": "CC-1",
        "start": "2026-02-03",
        "gold": True,
        "rate": "1234.5",
        "secret": "no",
    }
    customer = make_customer(organization, custom_fields=values, locale="de")
    item = Item("Work", Decimal(100))
    draft = create_one_off(customer, [item], finalize=False, by=ACTOR, at=NOW)
    final = create_one_off(customer, [item], finalize=True, by=ACTOR, at=NOW)
    expected = (("Cost_Centre", "CC-1"), ("Start", "3. Februar 2026"), ("Gold", "✓"), ("Rate", "1.234,5"))
    assert invoice_document(draft).own_fields == expected == invoice_document(final).own_fields
    update_customer(customer, {"custom_fields": {"cost_centre": "CC-2"}}, by=ACTOR, at=NOW)
    draft.refresh_from_db()
    final.refresh_from_db()
    draft.customer.refresh_from_db()
    assert invoice_document(final).own_fields == expected
    assert invoice_document(draft).own_fields[0] == ("Cost_Centre", "CC-2")
    assert final.custom_fields[0] == {"name": "Cost_Centre", "value": "CC-1"}
