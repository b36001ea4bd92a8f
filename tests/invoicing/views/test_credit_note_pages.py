"""The pages of credit notes, and their PDF."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from customers.models import Customer
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_credit_note
from invoicing.models import CreditNote
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> None:
    """Files of a test stay in its own folder."""
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def note(organization: Organization) -> CreditNote:
    customer: Customer = make_customer(organization, name="Globex", currency="EUR")
    items = [Item("Licence", Decimal(100))]
    invoice = create_one_off(customer, items, finalize=True, by=ACTOR, at=NOW)
    line = invoice.lines.get()
    item = CreditItem(line, "Licence taken back", 4000)
    return create_credit_note(invoice, [item], 0, key="test", by=ACTOR, at=NOW)


def test_a_credit_note_is_listed_found_and_shown(
    client: Client, organization: Organization, note: CreditNote, django_assert_max_num_queries: Any
) -> None:
    staff = sign_in(client, make_member(organization))
    rows = staff.get(reverse("credit-notes"), {"q": "globex", "state": "available"}).context["rows"]
    assert [(row["note"], row["shown"]) for row in rows] == [(note, "available")]
    assert "No credit note found" in staff.get(reverse("credit-notes"), {"state": "voided"}).content.decode()
    with django_assert_max_num_queries(12):
        text = staff.get(reverse("credit-note", args=[note])).content.decode()
    for words in ("Licence taken back", "€40.00", note.invoice.number, "Order cancellation", "being made"):
        assert words in text
    on_invoice = staff.get(reverse("invoice", args=[note.invoice])).content.decode()
    assert reverse("credit-note", args=[note]) in on_invoice


def test_its_pdf_can_be_read_after_the_customer_is_deleted(
    client: Client, organization: Organization, note: CreditNote
) -> None:
    staff = sign_in(client, make_member(organization))
    url = reverse("credit-note-pdf", args=[note])
    assert staff.get(url).status_code == 404
    publish_credit_note(note.pk)
    note.customer.deleted_at = NOW
    note.customer.save()
    answer = staff.get(url, {"download": "1"})
    assert b"".join(answer.streaming_content).startswith(b"%PDF")
    assert answer["Content-Disposition"] == f'attachment; filename="{note.number}.pdf"'
    page = staff.get(reverse("credit-note", args=[note])).content.decode()
    assert "(deleted)" in page
    assert "<iframe" in page


@pytest.mark.parametrize("name", ["credit-note", "credit-note-pdf", "credit-note-document"])
def test_another_organization_finds_nothing(client: Client, note: CreditNote, name: str) -> None:
    publish_credit_note(note.pk)
    stranger = sign_in(client, make_member(make_organization("Other")))
    assert stranger.get(reverse(name, args=[note])).status_code == 404
