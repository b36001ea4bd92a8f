"""The drawer "Send by e-mail", its preview, the log on the document's page, and the API."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Job
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.mail import deliver
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_invoice
from invoicing.models import Invoice, Mail, PdfState
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice() -> Invoice:
    customer = make_customer(
        make_organization("Acme"), name="Globex", email="ap@globex.example", locale="de-AT"
    )
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)


def signed_in(invoice: Invoice, role: str = "admin") -> Client:
    client = Client()
    client.force_login(make_member(invoice.organization, role).user)
    return client


def test_the_drawer_shows_the_mail_and_sends_it_once(invoice: Invoice) -> None:
    staff, url = signed_in(invoice), reverse("invoice-send", args=[invoice])
    page = staff.get(url)
    form = page.context["form"]
    assert form["to"].value() == "ap@globex.example" and form["language"].value() == "de-AT"
    assert page.context["text"].subject.startswith("Rechnung ")
    data = {
        "to": "ap@globex.example, cfo@globex.example",
        "language": "fr",
        "note": "Merci",
        "once": "mail-a",
    }
    looked = staff.post(url, data, headers={"HX-Request": "true", "HX-Target": "mail-preview"})
    assert "Facture" in looked.content.decode() and not Mail.objects.exists()
    for _ in range(2):
        assert staff.post(url, data).status_code == 302
    mail = Mail.objects.get()
    assert (mail.to, mail.language, mail.state) == (
        ["ap@globex.example", "cfo@globex.example"],
        "fr",
        "waiting",
    )
    assert "Merci" in mail.html and mail.by_label
    log = staff.get(reverse("invoice", args=[invoice])).content.decode()
    assert "ap@globex.example, cfo@globex.example" in log and reverse("mail", args=[mail]) in log


def test_an_old_invoice_that_is_sent_is_printed_first(invoice: Invoice) -> None:
    Job.objects.all().delete()
    Invoice.objects.update(pdf_state=PdfState.NONE)
    data = {"to": "ap@globex.example", "language": "en", "once": "mail-old"}
    assert signed_in(invoice).post(reverse("invoice-send", args=[invoice]), data).status_code == 302
    assert set(Job.objects.values_list("task", flat=True)) == {"invoicing.publish", "invoicing.mail"}


def test_the_preview_runs_and_fetches_nothing(invoice: Invoice) -> None:
    url = reverse("invoice-mail", args=[invoice])
    answer = signed_in(invoice).get(url, {"language": "xx", "note": "<script>alert(1)</script>"})
    assert b"<script" not in answer.content and b"&lt;script&gt;" in answer.content
    policy = answer["Content-Security-Policy"]
    assert "script-src 'none'" in policy and "sandbox" in policy and "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("to", ""),
        ("to", "nobody"),
        ("cc", "a@b.example, x"),
        ("bcc", "a@b"),
        ("language", "xx"),
        ("note", "n" * 1001),
    ],
)
def test_bad_input_is_named_at_its_field(invoice: Invoice, field: str, text: str) -> None:
    data = {"to": "a@b.example", "language": "en", "once": "mail-b", field: text}
    answer = signed_in(invoice).post(reverse("invoice-send", args=[invoice]), data)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not Mail.objects.exists()


def test_a_mail_is_looked_at_and_sent_again(invoice: Invoice) -> None:
    staff = signed_in(invoice)
    publish_invoice(invoice.pk)
    mail = send_document_mail(invoice, key="a", note="<b>Hi</b>", by=ACTOR, at=NOW)
    again = reverse("mail-again", args=[mail])
    staff.post(again, {"token": "early"})  # refused: it waits
    assert Mail.objects.count() == 1
    deliver(mail.pk, attempt=1, by=ACTOR, at=NOW)
    page = staff.get(reverse("mail", args=[mail])).content.decode()
    assert "Send again" in page and "sandbox=" in page and "&lt;b&gt;Hi&lt;/b&gt;" in page
    assert b"&lt;b&gt;Hi" in staff.get(reverse("mail-html", args=[mail])).content
    assert "Not everybody got it" not in page
    Mail.objects.filter(pk=mail.pk).update(error="cfo@globex.example: 550 Gone")
    page = staff.get(reverse("mail", args=[mail])).content.decode()
    assert "Not everybody got it" in page and "cfo@globex.example: 550 Gone" in page
    for _ in range(2):
        assert staff.post(again, {"token": "t"}).status_code == 302
    assert Mail.objects.count() == 2


def test_who_may(invoice: Invoice) -> None:
    mail = send_document_mail(invoice, key="a", by=ACTOR, at=NOW)
    support = signed_in(invoice, "support")
    assert support.get(reverse("invoice-send", args=[invoice])).status_code == 403
    assert support.post(reverse("mail-again", args=[mail])).status_code == 403
    assert "Send again" not in support.get(reverse("mail", args=[mail])).content.decode()
    stranger = Client()
    stranger.force_login(make_member(make_organization("Other"), "admin").user)
    for name, row in (
        ("invoice-send", invoice),
        ("invoice-mail", invoice),
        ("mail", mail),
        ("mail-html", mail),
    ):
        assert stranger.get(reverse(name, args=[row])).status_code == 404, name


def test_a_draft_is_not_sent() -> None:
    customer = make_customer(make_organization("Acme"))
    draft = create_one_off(customer, [Item("Work", Decimal(100))], by=ACTOR, at=NOW)
    staff, url = signed_in(draft), reverse("invoice-send", args=[draft])
    assert "It cannot be sent" in staff.get(url).content.decode()
    staff.post(url, {"to": "a@b.example", "language": "en", "once": "mail-c"})
    assert not Mail.objects.exists()
    api = Api(draft.organization)
    assert refused(api.post(f"/invoices/{draft.public_id}/send"))[:2] == (409, "invoice_not_finalized")


def test_a_credit_note_and_the_api(invoice: Invoice) -> None:
    item = CreditItem(invoice.lines.get(), "Less", 1000)
    note = create_credit_note(invoice, [item], 0, key="note", by=ACTOR, at=NOW)
    staff = signed_in(invoice)
    url = reverse("credit-note-send", args=[note])
    assert staff.post(url, {"to": "a@b.example", "language": "en", "once": "mail-d"}).status_code == 302
    assert "a@b.example" in staff.get(reverse("credit-note", args=[note])).content.decode()
    assert b"Gutschrift" in staff.get(reverse("credit-note-mail", args=[note])).content
    api = Api(invoice.organization)
    for _ in range(2):
        status, answer = api.post(f"/credit-notes/{note.public_id}/send", **{"Idempotency-Key": "k"})
        assert (status, answer["data"]["status"], answer["data"]["to"]) == (
            202,
            "waiting",
            ["ap@globex.example"],
        )
    status, answer = api.post(
        f"/invoices/{invoice.public_id}/send", {"to": ["x@y.example"], "language": "es"}
    )
    assert (status, answer["data"]["language"], answer["data"]["kind"]) == (202, "es", "invoice")
    assert Mail.objects.count() == 3
    bad = api.post(f"/invoices/{invoice.public_id}/send", {"cc": ["x"]})
    assert refused(bad) == (400, "invalid_address", "cc")
    assert Api(make_organization("Other")).post(f"/invoices/{invoice.public_id}/send")[0] == 404
