"""Issued invoices by e-mail: who gets them, where to, once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core import mail

from billing.models import AuditEntry, Job, Organization
from invoicing.actions.mail import send_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.invoicing import on, set_entity
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 10)


@pytest.fixture
def organization() -> Organization:
    """It sends invoices."""
    found = make_organization()
    set_entity(found, email_invoices=True, email="billing@acme.example", legal_name="Acme GmbH")
    return found


def issued(organization: Organization, **fields: Any) -> Invoice:
    """An invoice with its PDF."""
    customer = make_customer(organization, **({"currency": "EUR", "email": "ap@globex.example"} | fields))
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=AT)
    publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    return invoice


def jobs() -> int:
    """Mails that wait for a worker."""
    return Job.objects.filter(task="invoicing.mail").count()


def test_the_pdf_is_sent_once_in_the_documents_language(organization: Organization) -> None:
    invoice = issued(organization, locale="de")
    assert jobs() == 1 and mail.outbox == []
    for _ in range(2):
        send_invoice(invoice.pk, by=ACTOR, at=AT)
    [message] = mail.outbox
    assert message.subject == f"Rechnung {invoice.number}, Acme GmbH"
    assert (message.to, message.reply_to) == (["ap@globex.example"], ["billing@acme.example"])
    assert "Die Rechnung liegt bei." in message.body and "100.00 EUR" in message.body
    [(name, content, kind)] = message.attachments
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf") and content.startswith(b"%PDF")
    assert AuditEntry.objects.get(action="invoice.sent").changes["to"] == ["", "ap@globex.example"]


@pytest.mark.parametrize(
    ("entity", "fields", "wanted"),
    [
        (True, {}, 1),
        (True, {"email_invoices": False}, 0),
        (False, {}, 0),
        (False, {"email_invoices": True}, 1),
        (True, {"email": ""}, 0),
        (True, {"email": "", "prefer_einvoice": True, "einvoice_email": "einvoice@globex.example"}, 1),
    ],
)
def test_who_gets_it(organization: Organization, entity: bool, fields: dict[str, Any], wanted: int) -> None:
    set_entity(organization, email_invoices=entity)
    invoice = issued(organization, **fields)
    assert jobs() == wanted
    if wanted:
        send_invoice(invoice.pk, by=ACTOR, at=AT)
        assert mail.outbox[0].to == [fields.get("einvoice_email", "ap@globex.example")]


def test_a_voided_invoice_is_not_sent(organization: Organization) -> None:
    invoice = issued(organization)
    void_invoice(invoice, reason="Wrong", by=ACTOR, at=AT)
    send_invoice(invoice.pk, by=ACTOR, at=AT)
    assert mail.outbox == []


def test_a_sandbox_sends_nothing_to_anybody() -> None:
    sandbox = make_organization("Lab", sandbox=True)
    set_entity(sandbox, email_invoices=True)
    issued(sandbox)
    assert jobs() == 0
