"""Which file is given where once a document is voided: the stamped one; the first to staff, as issued."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, Organization
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.crediting import void_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import store
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.pages import queries, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
FIRST, STAMPED = b"%PDF-1.7 first", b"%PDF-1.7 stamped"
LATE = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> None:
    """Files of a test stay in its own folder."""
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


@pytest.fixture(params=["invoice", "credit-note"])
def noun(request: Any) -> str:
    return str(request.param)


def printed(organization: Organization, noun: str) -> Invoice | CreditNote:
    """An issued document with its first file."""
    customer = make_customer(organization, name="Globex", currency="EUR")
    invoice = create_one_off(customer, [Item("Set-up", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    row: Invoice | CreditNote = invoice
    if noun == "credit-note":
        item = CreditItem(invoice.lines.get(), "Set-up taken back", 4000)
        row = create_credit_note(invoice, [item], 0, key="test", by=ACTOR, at=NOW)
    store(row, lambda: FIRST)
    return again(row)


def voided(row: Invoice | CreditNote, *, stamp: bool = True) -> Invoice | CreditNote:
    """The same, voided, with its second file when `stamp`."""
    if isinstance(row, Invoice):
        void_invoice(row, reason="Twice", by=ACTOR, at=LATE)
    else:
        void_credit_note(row, reason="Twice", by=ACTOR, at=LATE)
    if stamp:
        store(again(row), lambda: STAMPED, again(row).void_copy)
    return again(row)


def again(row: Invoice | CreditNote) -> Invoice | CreditNote:
    return type(row).objects.get(pk=row.pk)


def content(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_staff_see_the_stamped_file_and_can_have_the_first(
    staff: Client, organization: Organization, noun: str
) -> None:
    row = voided(printed(organization, noun))
    now, before = reverse(f"{noun}-pdf", args=[row]), reverse(f"{noun}-pdf-issued", args=[row])
    shown = staff.get(now)
    assert content(shown) == STAMPED
    assert shown["Content-Disposition"] == f'inline; filename="{row.number}.pdf"'
    kept = staff.get(before, {"download": "1"})
    assert content(kept) == FIRST
    assert kept["Content-Disposition"] == f'attachment; filename="{row.number}-as-issued.pdf"'
    page = text(staff.get(reverse(noun, args=[row])))
    assert now in page and before in page and "As issued" in page
    assert queries(staff, reverse(f"{noun}-document", args=[row])) <= 6


def test_a_browser_that_kept_the_first_is_given_the_stamped_one(
    staff: Client, organization: Organization, noun: str
) -> None:
    """Both files of a document may be made within one second: the tag tells them apart all the same."""
    row = printed(organization, noun)
    url = reverse(f"{noun}-pdf", args=[row])
    first = staff.get(url)
    assert content(first) == FIRST
    assert staff.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    row = voided(row)
    type(row).objects.filter(pk=row.pk).update(void_pdf_made_at=row.pdf_made_at)
    stamped = staff.get(url, headers={"If-None-Match": first["ETag"]})
    assert content(stamped) == STAMPED
    unchanged = staff.get(url, headers={"If-None-Match": stamped["ETag"]})
    assert (unchanged.status_code, unchanged["ETag"]) == (304, stamped["ETag"])
    for answer in (stamped, unchanged):
        assert "private" in answer["Cache-Control"] and "no-cache" in answer["Cache-Control"]
    kept = reverse(f"{noun}-pdf-issued", args=[row])
    assert staff.get(kept, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert content(staff.get(kept, headers={"If-None-Match": stamped["ETag"]})) == FIRST


def test_until_the_stamp_is_there_only_staff_have_a_file(
    staff: Client, organization: Organization, noun: str
) -> None:
    row = voided(printed(organization, noun), stamp=False)
    assert staff.get(reverse(f"{noun}-pdf", args=[row])).status_code == 404
    assert content(staff.get(reverse(f"{noun}-pdf-issued", args=[row]))) == FIRST
    panel = text(staff.get(reverse(f"{noun}-document", args=[row])))
    assert "Your PDF is being made" in panel and "As issued" in panel and "<iframe" not in panel


def test_what_is_not_voided_has_one_file(staff: Client, organization: Organization, noun: str) -> None:
    row = printed(organization, noun)
    assert "As issued" not in text(staff.get(reverse(f"{noun}-document", args=[row])))
    issued = staff.get(reverse(f"{noun}-pdf-issued", args=[row]))
    assert content(issued) == FIRST
    assert issued["Content-Disposition"] == f'inline; filename="{row.number}.pdf"'


def test_every_role_of_the_organization_and_nobody_else_reads_the_first(
    organization: Organization, noun: str
) -> None:
    row = voided(printed(organization, noun))
    found = statuses(organization, reverse(f"{noun}-pdf-issued", args=[row]))
    assert found.pop("stranger") == 404
    assert set(found.values()) == {200}


def test_the_api_gives_the_stamped_file(organization: Organization, noun: str) -> None:
    api = Api(organization)
    row = printed(organization, noun)
    path = f"/{noun}s/{row.public_id}/pdf"
    pdf = {"headers": {"accept": "application/pdf"}}
    first = api.client.get(f"/api{path}", **pdf)
    assert content(first) == FIRST
    row = voided(row, stamp=False)
    assert api.get(path)[1]["data"]["status"] == "pending"
    early = api.client.get(f"/api{path}", **pdf)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "pdf_not_ready")
    store(row, lambda: STAMPED, row.void_copy)
    status, body = api.get(path)
    assert (status, body["data"]["status"]) == (200, "ready") and body["data"]["url"].partition("?")[
        0
    ].endswith(path)
    stamped = api.client.get(f"/api{path}", headers=pdf["headers"] | {"If-None-Match": first["ETag"]})
    assert content(stamped) == STAMPED
    same = api.client.get(f"/api{path}", headers=pdf["headers"] | {"If-None-Match": stamped["ETag"]})
    assert same.status_code == 304
    assert Api(make_organization("Other")).get(path)[0] == 404


def test_the_reason_of_a_note_comes_from_the_dialog_and_from_the_api(
    staff: Client, organization: Organization
) -> None:
    by_page = printed(organization, "credit-note")
    url = reverse("credit-note-void", args=[by_page])
    assert "printed on the stamped PDF" in text(staff.get(url))
    assert staff.post(url, {"reason": "x" * 501}).status_code == 422
    assert staff.post(url, {"reason": "Made twice"}).status_code == 302
    assert again(by_page).void_reason == "Made twice"
    assert "Made twice" in text(staff.get(reverse("credit-note", args=[by_page])))
    other = make_organization("Other")
    by_api = printed(other, "credit-note")
    status, _ = Api(other).post(f"/credit-notes/{by_api.public_id}/void", {"reason": "Made twice"})
    assert (status, again(by_api).void_reason) == (200, "Made twice")
    lines = AuditEntry.objects.filter(action="credit_note.voided")
    assert [line.reason for line in lines] == ["Made twice"] * 2
