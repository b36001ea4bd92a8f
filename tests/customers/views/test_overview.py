"""The Overview tab: its pieces, the next invoice, ageing, and notes that are pinned and brought back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import AuditEntry
from customers.models import Customer, Note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.invoicing import billed_customer, make_plan, subscribe
from tests.factories.pages import htmx, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
READERS = {"admin": 200, "manager": 200, "finance": 200, "support": 200, "stranger": 404}


@pytest.fixture
def customer() -> Customer:
    return billed_customer(make_organization())


@pytest.fixture
def staff(client: Client, customer: Customer) -> Client:
    return sign_in(client, make_member(customer.organization))


def test_one_click_pins_a_note_and_undo_brings_it_back(staff: Client, customer: Customer) -> None:
    page = f"/customers/{customer.public_id}"
    for said in ("first", "second"):
        staff.post(f"{page}/notes/add", {"text": said})
    first = Note.objects.get(text="first")
    address = f"/notes/{first.public_id}"

    def order() -> list[str]:
        return [item["note"].text for item in staff.get(page, headers=htmx("notes")).context["notes"]]

    assert order() == ["second", "first"]
    answer = staff.post(f"{address}/pin", {"pinned": "on"}, headers=htmx("notes"))
    assert answer.status_code == 204 and "notes-changed" in answer["HX-Trigger"]
    assert order() == ["first", "second"]
    assert staff.post(f"{address}/pin").status_code == 302
    assert order() == ["second", "first"]
    staff.post(f"{address}/delete")
    assert order() == ["second"]
    assert f'action="{address}/restore"' in text(staff.get(page)), (
        "the message has its Undo without JavaScript"
    )
    assert [staff.post(f"{address}/{act}").status_code for act in ("pin", "edit")] == [404, 404]
    staff.post(f"{address}/restore")
    staff.post(f"{address}/restore")
    assert order() == ["second", "first"]
    assert AuditEntry.objects.filter(action="note.restored").count() == 1


def test_the_overview_asks_for_its_pieces(staff: Client, customer: Customer) -> None:
    subscribe(customer, make_plan(customer.organization, 3100), timezone.now())
    page = f"/customers/{customer.public_id}"
    whole = text(staff.get(page))
    assert f'hx-get="{page}/next-invoice"' in whole and "See the estimated amount" in whole
    usage = text(staff.get(page, headers=htmx("usage-figure")))
    assert usage.strip().startswith('<div id="usage-figure"') and "no earlier period to compare" in usage
    assert 'hx-swap-oob="true"' in usage and "<title>" not in usage
    timeline = text(staff.get(page, headers=htmx("timeline")))
    assert timeline.strip().startswith('<section class="card" id="timeline"')
    line = text(staff.get(f"{page}/next-invoice", headers=htmx("next-invoice")))
    assert "estimated from usage so far" in line and "<title>" not in line
    assert "Estimated total" in text(staff.get(f"{page}/next-invoice"))
    assert statuses(customer.organization, f"{page}/next-invoice") == READERS


def test_ageing_leads_to_the_invoices_behind_it(staff: Client, customer: Customer) -> None:
    late = [
        create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=NOW)
        for amount in (10, 20)
    ]
    today = timezone.now().date()
    for invoice, days in zip(late, (5, 40), strict=True):
        Invoice.objects.filter(pk=invoice.pk).update(due_on=today - timedelta(days=days))
    answer = staff.get(f"/customers/{customer.public_id}")
    buckets = answer.context["ageing"][0]["buckets"]
    assert [bucket["width"] for bucket in buckets] == [333, 667, 0, 0]
    shown = text(staff.get(buckets[1]["url"]))
    assert late[1].refresh_from_db() is None and late[1].number in shown and late[0].number not in shown
