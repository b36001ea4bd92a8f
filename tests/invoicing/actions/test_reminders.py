"""Reminders: once each, on the customer's day, and never of what is paid, voided or disputed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail as outbox

from billing.models import AuditEntry, Job, Organization
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.mail import deliver
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import publish_invoice
from invoicing.actions.reminders import run
from invoicing.actions.void import void_invoice
from invoicing.models import DunningCampaign, DunningCase, Invoice, Mail
from invoicing.queries.pay_links import pay_link
from tests.factories.customers import make_customer
from tests.factories.invoicing import on, set_entity
from tests.factories.paying import make_payer
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
ISSUED = on(2026, 1, 10, 9)  # the tenth everywhere; due on 9 February


@pytest.fixture
def organization() -> Organization:
    """It reminds three days before, and seven days after."""
    found = make_organization("Acme")
    set_entity(found, reminder_days=[-3, 7], net_payment_term_days=30, legal_name="Acme GmbH")
    return found


def issued(organization: Organization, **fields: Any) -> Invoice:
    """An invoice over 100.00."""
    customer = make_customer(organization, **({"currency": "EUR", "email": "ap@globex.example"} | fields))
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=ISSUED)


def test_each_goes_out_once_and_says_what_is_open(organization: Organization) -> None:
    invoice = issued(organization, locale="de", name="Globex")
    assert invoice.due_on is not None
    record_payment(invoice, amount_minor=4000, key="part", by=ACTOR, at=ISSUED)
    early, late = on(2026, 2, 6, 9), on(2026, 2, 16, 9)
    assert [run(at) for at in (on(2026, 2, 5, 9), early, early, late, late)] == [0, 1, 0, 1, 0]
    first, second = Mail.objects.order_by("created_at")
    assert (first.kind, first.invoice_id, first.to) == ("reminder", invoice.pk, ["ap@globex.example"])
    assert first.subject == f"Rechnung {invoice.number} von Acme GmbH ist am 9. Februar 2026 fällig"
    assert second.subject == f"Zahlungserinnerung: Rechnung {invoice.number} von Acme GmbH"
    assert "60,00\xa0€ offen" in second.text
    assert Job.objects.filter(task="invoicing.publish", subject_id=invoice.pk).exists()
    publish_invoice(invoice.pk, issued=False)
    deliver(second.pk, attempt=1, by=ACTOR, at=late)
    [message] = outbox.outbox
    assert [name for name, _, _ in message.attachments] == [f"{invoice.number}.pdf"]
    assert AuditEntry.objects.get(action="invoice.reminded").changes["to"] == ["", "ap@globex.example"]


def test_it_has_a_link_to_pay_where_an_account_can_take_it(organization: Organization) -> None:
    invoice = issued(organization)
    run(on(2026, 2, 6, 9))
    make_payer(organization)
    run(on(2026, 2, 16, 9))
    first, second = Mail.objects.order_by("created_at")
    assert pay_link(invoice) in second.text and "/pay-invoice/" not in first.text


@pytest.mark.parametrize("end", ["paid", "void", "dispute", "no address", "sandbox"])
def test_who_is_left_alone(organization: Organization, end: str) -> None:
    """Also when the reminder was written already and waits to be sent."""
    invoice = issued(organization, **({"email": ""} if end == "no address" else {}))
    at = on(2026, 2, 16, 9)
    written = end not in ("no address", "sandbox") and run(at)
    if end == "paid":
        record_payment(invoice, key="all", by=ACTOR, at=at)
    elif end == "void":
        void_invoice(invoice, by=ACTOR, at=at)
    elif end == "dispute":
        dispute_invoice(invoice, reason="Wrong", by=ACTOR, at=at)
    elif end == "sandbox":
        Organization.objects.filter(pk=organization.pk).update(sandbox=True)
    if written:
        mail = Mail.objects.get()
        deliver(mail.pk, attempt=1, by=ACTOR, at=at)
        mail.refresh_from_db()
        assert (mail.state, outbox.outbox) == ("canceled", [])
        Mail.objects.all().delete()
    assert run(at) == 0
    assert not Mail.objects.exists()


@pytest.mark.parametrize(
    ("zone", "utc_hours", "sent"),
    [("Pacific/Auckland", -4.9, 1), ("Pacific/Auckland", -5.1, 0), ("America/Los_Angeles", 15.9, 0)],
)
def test_the_day_is_the_customers(organization: Organization, zone: str, utc_hours: float, sent: int) -> None:
    """Eight in the morning of 16 February is 19:00 UTC of the 15th in Auckland, and 16:00 UTC in Los Angeles."""
    issued(organization, timezone=zone)
    day = datetime(2026, 2, 16, tzinfo=UTC)
    assert run(day + timedelta(hours=utc_hours)) == sent


def test_two_runs_at_once_and_another_entity(organization: Organization) -> None:
    issued(organization)
    issued(make_organization("Other"))  # reminds nobody
    at = on(2026, 2, 16, 9)
    assert run(at) + run(at) == 1
    assert Mail.objects.get().organization_id == organization.pk


def test_a_customer_that_a_campaign_is_after_is_not_reminded_twice(organization: Organization) -> None:
    """Before the due date it is; after it only once the chase in that currency has ended."""
    invoice = issued(organization)
    campaign = DunningCampaign.objects.create(organization=organization, name="Late", code="late")
    at = on(2026, 2, 16, 9)
    case = DunningCase.objects.create(
        organization=organization,
        customer=invoice.customer,
        campaign=campaign,
        currency="EUR",
        started_at=on(2026, 2, 10),
        started_on=on(2026, 2, 10).date(),
    )
    assert [run(on(2026, 2, 6, 9)), run(at)] == [1, 0]
    DunningCase.objects.filter(pk=case.pk).update(ended_at=at, outcome="paid")
    assert run(at) == 1
