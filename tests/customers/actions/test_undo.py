"""Taking back a change: every field as it was, or nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.models import AuditEntry
from billing.rules.errors import BillingError, Conflict
from customers.actions.classification import change_mode, change_type
from customers.actions.custom_fields import create_custom_field
from customers.actions.customers import update_customer
from customers.actions.undo import last_change, take_back
from customers.models import Customer
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=1)
AFTER = NOW + timedelta(minutes=2)
KEPT = ("updated_at", "tag_ids")  # `tags` are compared by name


def everything(customer: Customer) -> dict[str, Any]:
    row = Customer.objects.get(pk=customer.pk)
    return {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields
    } | dict.fromkeys(KEPT)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "New", "email": "new@example.com", "phone": "+256414000001", "metadata": {"a": 1}},
        {"default_credit_limit": Decimal("12.5"), "default_auto_topup_amount": None},
        {"currency": "JPY"},
        {"custom_fields": {"level": "gold"}, "tax_identifiers": {"us_ein": "12-3456789"}},
        {"net_payment_term_days": 7, "email_invoices": False, "zero_amount_invoices": None},
        {"tags": ["VIP", "New one"]},
    ],
)
def test_all_is_as_it_was(changes: dict[str, Any]) -> None:
    organization = make_organization()
    create_custom_field(organization, {"name": "Level", "code": "level"}, by=ACTOR, at=NOW)
    create_custom_field(organization, {"name": "Region", "code": "region"}, by=ACTOR, at=NOW)
    customer = make_customer(
        organization,
        tags=["VIP", "Old"],
        metadata={"b": [2]},
        custom_fields={"region": "north"},
        default_credit_limit=80,
        default_auto_topup_amount=5,
        zero_amount_invoices=True,
    )
    before, tags = everything(customer), set(customer.tag_ids)
    changed = update_customer(customer, changes, by=ACTOR, at=LATER)
    entry = last_change(changed, by=ACTOR, at=LATER)
    assert entry is not None
    taken = take_back(changed, entry, by=ACTOR, at=AFTER)
    assert everything(customer) == before and set(taken.tag_ids) == tags
    with pytest.raises(Conflict, match="changed again"):
        take_back(taken, entry, by=ACTOR, at=AFTER)


def test_flips_go_back_with_a_reason() -> None:
    customer = make_customer(make_organization(), customer_type="business")
    for change, value, name in (
        (change_mode, "postpaid", "mode"),
        (change_type, "consumer", "customer_type"),
    ):
        old = getattr(customer, name)
        changed = change(customer, value, reason="Trusted", by=ACTOR, at=LATER)  # type: ignore[operator]
        entry = last_change(changed, by=ACTOR, at=LATER)
        assert entry is not None
        assert getattr(take_back(changed, entry, by=ACTOR, at=AFTER), name) == old
        assert AuditEntry.objects.filter(at=AFTER).latest("id").reason == "Taken back: Trusted"


def test_what_cannot_go_back_is_not_offered_and_refused() -> None:
    organization = make_organization()
    customer = make_customer(organization)
    changed = update_customer(customer, {"taxes": [make_tax(organization)], "name": "X"}, by=ACTOR, at=LATER)
    assert last_change(changed, by=ACTOR, at=LATER) is None
    for entry in AuditEntry.objects.filter(subject_id=customer.pk):
        with pytest.raises(BillingError, match="cannot be taken back"):
            take_back(customer, entry, by=ACTOR, at=AFTER)
    assert Customer.objects.get(pk=customer.pk).name == "X"


def test_the_message_has_the_button(client: Client) -> None:
    organization = make_organization()
    customer = make_customer(organization, tags=["Old"])
    sign_in(client, make_member(organization))
    page = f"/customers/{customer.public_id}"
    opened = htmx("dialog") | {"HX-Current-URL": f"http://testserver{page}?act=tags&x=1"}
    answer = client.post(f"{page}/tags", {"new_tags": "New"}, headers=opened)
    assert answer["HX-Redirect"] == f"{page}?x=1", "not opened again"
    undo = text(client.get(page)).split('class="toast-undo"')[0].rsplit('action="', 1)[1].split('"')[0]
    assert undo.startswith(f"{page}/changes/aud_")
    assert statuses(organization, undo, {}) == {
        "admin": 302,
        "finance": 403,
        "manager": 302,
        "support": 403,
        "stranger": 404,
    }
    assert len(Customer.objects.get(pk=customer.pk).tag_ids) == 1
    answer = client.post(undo, headers=htmx("body"))
    assert answer.status_code == 409 and "changed again" in answer["HX-Trigger"]
    client.post(f"{page}/tags", {"tags": [customer.tag_ids[0].hex]})
    assert 'class="toast-undo"' not in text(client.get(page)).split("toast-template")[0], (
        "nothing was changed"
    )
