"""Documents by e-mail: who gets them, where to, once; what a mail server's refusals and silences lead to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.template.loader import render_to_string
from django.utils import timezone

from billing.actions import later
from billing.models import AuditEntry, Job, Organization
from billing.rules.errors import Conflict, Invalid
from customers.models import Customer
from invoicing import tasks
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.mail import WAITS, deliver, queue_mail, send_again
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import ask_for_pdf, publish_credit_note, publish_invoice
from invoicing.actions.void import void_invoice
from invoicing.documents.mails import MailFacts, compose
from invoicing.models import Invoice, Mail, PdfState
from invoicing.views.frame import mail_log
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, on, set_entity
from tests.factories.people import ACTOR, make_organization
from tests.factories.world import small_png
from tests.services.smtp import FakeSmtp, fake_smtp

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 10)


@pytest.fixture
def organization() -> Organization:
    """It sends invoices."""
    found = make_organization()
    set_entity(found, email_invoices=True, email="billing@acme.example", legal_name="Acme GmbH")
    return found


@pytest.fixture
def smtp(settings: Any) -> Iterator[FakeSmtp]:
    """The mail server that the product is set to."""
    with fake_smtp() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 0.3
        settings.DEFAULT_FROM_EMAIL = "Tarn <billing@tarn.example>"
        yield server


def issued(organization: Organization, **fields: Any) -> Invoice:
    """An invoice with its PDF."""
    customer = make_customer(organization, **({"currency": "EUR", "email": "ap@globex.example"} | fields))
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=AT)
    publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    return invoice


def work(mail: Mail) -> Job:
    """What a worker does with the mail's job."""
    job = Job.objects.get(key=f"mail:{mail.pk}")
    tasks.mail(str(job.pk))
    job.refresh_from_db()
    mail.refresh_from_db()
    return job


def test_what_was_voided_while_it_was_printed_is_not_sent(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*_: Any) -> bytes:
        void_invoice(Invoice.objects.get(), by=ACTOR, at=AT)
        return b"%PDF"

    monkeypatch.setattr("invoicing.actions.publish.render", slowly)
    assert issued(organization).status == "voided" and not Mail.objects.exists()


def test_the_pdf_is_sent_once_in_the_documents_language(organization: Organization) -> None:
    invoice = issued(organization, locale="de", name="Globex")
    mail = Mail.objects.get()
    assert (mail.state, outbox.outbox) == ("waiting", [])
    for attempt in (1, 2):
        deliver(mail.pk, attempt=attempt, by=ACTOR, at=AT)
    [message] = outbox.outbox
    assert message.subject == f"Rechnung {invoice.number} von Acme GmbH"
    assert (message.to, message.reply_to) == (["ap@globex.example"], ["billing@acme.example"])
    assert message.from_email.startswith("Acme GmbH <")
    assert "100,00\xa0€" in message.body and "Guten Tag Globex" in message.body
    [(name, content, kind)] = message.attachments
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf") and content.startswith(b"%PDF")
    assert AuditEntry.objects.get(action="invoice.sent").changes["to"] == ["", "ap@globex.example"]
    publish_invoice(invoice.pk)
    mail.refresh_from_db()
    assert mail.sent_at and (mail.state, mail.attempts, Mail.objects.count()) == ("sent", 1, 1)


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
    issued(organization, **fields)
    assert [mail.to for mail in Mail.objects.all()] == [
        [fields.get("einvoice_email", "ap@globex.example")]
    ] * wanted


def test_a_worker_that_was_killed_before_the_mail_was_written_down(organization: Organization) -> None:
    invoice = issued(organization)
    Mail.objects.all().delete()
    tasks.publish(str(Job.objects.get(key=f"pdf:{invoice.pk}").pk))
    assert Mail.objects.get().to == ["ap@globex.example"]


def test_printing_an_old_invoice_mails_nobody(organization: Organization) -> None:
    invoice = issued(organization, email_invoices=False)
    Customer.objects.update(email_invoices=True)
    Job.objects.all().delete()
    Invoice.objects.update(pdf_state=PdfState.NONE)
    invoice.refresh_from_db()
    ask_for_pdf(invoice)
    tasks.publish(str(Job.objects.get(key=f"pdf:{invoice.pk}").pk))
    invoice.refresh_from_db()
    assert invoice.pdf_state == PdfState.READY and not Mail.objects.exists()


def test_the_seller_stands_as_it_was_in_the_mails_language(organization: Organization) -> None:
    place = {"address_line1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"}
    set_entity(organization, email_invoices=False, tax_id="DE136695976", **place)
    invoice = issued(organization, locale="de")
    set_entity(organization, legal_name="Newer SE", address_line1="Elsewhere 2")
    mail = send_document_mail(invoice, language="fr", key="by hand", by=ACTOR, at=AT)
    assert mail.text.endswith("Acme GmbH\nHauptstr. 1\n10115 Berlin\nAllemagne\nDE136695976\n")
    assert "Facture" in mail.subject and "Allemagne" in mail.html and "Newer" not in mail.html


@pytest.mark.parametrize(("country", "forms"), [("DE", ["pdf", "xml"]), ("", ["pdf"])])
def test_the_mail_names_the_files_that_it_carries(
    organization: Organization, country: str, forms: list[str]
) -> None:
    """An e-invoice from which something is missing is not promised."""
    place = {"address_line1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"}
    set_entity(organization, tax_id="DE136695976", **place)
    default_tax(organization, "19")
    place |= {"country": country}
    invoice = issued(organization, name="Acme AG", prefer_einvoice=True, **place)
    mail = Mail.objects.get()
    work(mail)
    names = [f"{invoice.number}.{form}" for form in forms]
    assert [name for name, _, _ in outbox.outbox[0].attachments] == names
    assert f"Attached: {', '.join(names)}\n" in mail.text


def test_a_voided_invoice_is_not_sent(organization: Organization) -> None:
    invoice = issued(organization)
    void_invoice(invoice, reason="Wrong", by=ACTOR, at=AT)
    mail = Mail.objects.get()
    assert work(mail).state == "succeeded"
    assert (outbox.outbox, mail.state, mail.error) == ([], "canceled", "It was voided meanwhile.")
    invoice.refresh_from_db()
    with pytest.raises(Conflict, match="not voided"):
        send_document_mail(invoice, key="again", by=ACTOR, at=AT)


def test_a_sandbox_sends_nothing_to_anybody() -> None:
    sandbox = make_organization("Lab", sandbox=True)
    set_entity(sandbox, email_invoices=True)
    invoice = issued(sandbox)
    assert not Mail.objects.exists()
    with pytest.raises(Conflict, match="sandbox"):
        send_document_mail(invoice, key="by hand", by=ACTOR, at=AT)


def test_what_arrives(organization: Organization, smtp: FakeSmtp) -> None:
    entity = set_entity(organization, email_invoices=False, legal_name="Acme\r\nBcc: all@world.example")
    entity.logo.save("logo.png", ContentFile(small_png()))
    invoice = issued(organization, name="<b>Globex</b> Bcc: x@y.example", prefer_einvoice=True)
    mail = send_document_mail(
        invoice,
        to=["ap@globex.example", "AP@globex.example"],
        cc=["cfo@globex.example"],
        bcc=["us@acme.example"],
        note="As agreed.\n\n<script>alert(1)</script>",
        key="by hand",
        by=ACTOR,
        at=AT,
    )
    assert work(mail).state == "succeeded"
    [taken] = smtp.mails
    assert taken.recipients == ["ap@globex.example", "cfo@globex.example", "us@acme.example"]
    assert (taken.message["To"], taken.message["Cc"], taken.message["Bcc"]) == (
        "ap@globex.example",
        "cfo@globex.example",
        None,
    )
    assert taken.message["From"] == '"Acme Bcc: all@world.example" <billing@tarn.example>'
    assert "\n" not in taken.message["Subject"] and taken.message["Message-ID"].startswith(
        f"<{mail.public_id}@"
    )
    html = taken.part("text/html")
    assert "<script" not in html and "<b>Globex" not in html and "&lt;b&gt;Globex" in html
    assert "http" not in html.replace(f"{invoice.number}", "")  # nothing is fetched
    assert "cid:logo" in html and "As agreed." in taken.part("text/plain")
    assert (
        taken.files[f"{invoice.number}.pdf"] == "application/pdf" and taken.files["logo.png"] == "image/png"
    )


def test_a_refusal_is_for_good_and_can_be_run_again(organization: Organization, smtp: FakeSmtp) -> None:
    issued(organization)
    mail = Mail.objects.get()
    smtp.answers["ap@globex.example"] = "550 No such mailbox"
    job = work(mail)
    assert (job.state, mail.state, mail.attempts) == ("failed", "failed", 1)
    assert mail.error == job.error == "ap@globex.example: 550 No such mailbox"
    smtp.answers.clear()
    assert send_again(mail, token="x", by=ACTOR) == mail
    assert (work(mail).state, mail.state, mail.error, len(smtp.mails)) == ("succeeded", "sent", "", 1)
    copy = send_again(mail, token="x", by=ACTOR)
    assert copy.pk != mail.pk and send_again(mail, token="x", by=ACTOR) == copy
    work(copy)
    first, second = smtp.mails
    assert first.message["Subject"] == second.message["Subject"]
    assert first.message["Message-ID"] != second.message["Message-ID"]


def test_who_was_refused_stays_with_a_mail_that_others_got(
    organization: Organization, smtp: FakeSmtp
) -> None:
    invoice = issued(organization, email_invoices=False)
    mail = send_document_mail(
        invoice,
        to=["ap@globex.example", "gone@globex.example"],
        cc=["cfo@globex.example"],
        bcc=["us@acme.example"],
        key="by hand",
        by=ACTOR,
        at=AT,
    )
    smtp.answers |= {"gone@globex.example": "550 Gone", "cfo@globex.example": "451 Later"}
    assert (work(mail).state, mail.state) == ("succeeded", "sent")
    assert mail.error == "gone@globex.example: 550 Gone; cfo@globex.example: 451 Later"
    assert smtp.mails[0].recipients == ["ap@globex.example", "us@acme.example"]
    assert AuditEntry.objects.get(action="invoice.sent").changes["to"] == ["", "ap@globex.example"]


def test_copies_alone_are_not_sent_again_and_again(organization: Organization, smtp: FakeSmtp) -> None:
    invoice = issued(organization, email_invoices=False)
    mail = send_document_mail(invoice, bcc=["us@acme.example"], key="by hand", by=ACTOR, at=AT)
    smtp.answers["ap@globex.example"] = "451 Later"
    job = work(mail)
    assert (job.state, mail.state, len(smtp.mails)) == ("failed", "failed", 1)
    assert mail.error == job.error == "ap@globex.example: 451 Later"
    assert not AuditEntry.objects.filter(action="invoice.sent").exists()


@pytest.mark.parametrize(
    ("place", "says", "words"),
    [
        ("DATA", "451 Greylisted", "451 Greylisted"),
        ("DATA", "silence", "did not answer"),
        ("HELO", "421 Too busy", "421 Too busy"),
        ("HELO", "close", "hung up"),
    ],
)
def test_a_passing_fault_is_tried_again(
    organization: Organization, smtp: FakeSmtp, place: str, says: str, words: str
) -> None:
    issued(organization)
    mail = Mail.objects.get()
    smtp.says[place] = says
    job = work(mail)
    assert (job.state, mail.state, smtp.mails) == ("queued", "waiting", [])
    assert words in mail.error
    assert WAITS[0] - timedelta(seconds=5) < job.queued_at - timezone.now() <= WAITS[0]
    assert later.sweep(0) == 0  # not before its time
    smtp.says.clear()
    assert (work(mail).state, mail.state, mail.attempts, len(smtp.mails)) == ("succeeded", "sent", 2, 1)


def test_a_wrong_password_is_not_the_mails_fault(
    organization: Organization, smtp: FakeSmtp, settings: Any
) -> None:
    """The operator corrects it, and what waited goes out by itself."""
    issued(organization)
    mail = Mail.objects.get()
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "tarn", "wrong"
    smtp.says |= {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 Wrong password"}
    assert (work(mail).state, mail.state) == ("queued", "waiting")
    assert mail.error == "The mail server does not let us sign in: 535 Wrong password"
    smtp.says["AUTH"] = "235 Welcome"
    assert (work(mail).state, mail.state, len(smtp.mails)) == ("succeeded", "sent", 1)


def test_after_the_last_try_staff_see_it(organization: Organization, smtp: FakeSmtp) -> None:
    issued(organization)
    mail = Mail.objects.get()
    smtp.says["DATA"] = "451 Greylisted"
    Job.objects.filter(key=f"mail:{mail.pk}").update(attempts=len(WAITS))
    job = work(mail)
    assert (job.state, mail.state, job.error) == ("failed", "failed", "451 Greylisted")


def test_a_pdf_that_is_still_being_made_is_waited_for(organization: Organization) -> None:
    invoice = issued(organization)
    mail = Mail.objects.get()
    Invoice.objects.filter(pk=invoice.pk).update(pdf_state=PdfState.PENDING)
    assert (work(mail).state, mail.state, mail.attempts, outbox.outbox) == ("queued", "waiting", 0, [])
    log = mail_log(invoice)
    page = render_to_string("invoicing/mails/log.html", log | {"organization": organization})
    assert not log["mail_busy"] and "Waiting" in page and "Retrying" not in page and "not made yet" in page
    Invoice.objects.filter(pk=invoice.pk).update(pdf_state=PdfState.READY)
    assert (work(mail).state, len(outbox.outbox)) == ("succeeded", 1)


def test_a_file_that_is_gone_is_seen_and_the_mail_can_be_sent_again(organization: Organization) -> None:
    invoice = issued(organization)
    mail = Mail.objects.get()
    name, content = invoice.pdf.name, invoice.pdf.read()
    invoice.pdf.storage.delete(name)
    assert (work(mail).state, mail.state, outbox.outbox) == ("failed", "failed", [])
    assert "FileNotFoundError" in mail.error
    invoice.pdf.storage.save(name, ContentFile(content))
    send_again(mail, token="x", by=ACTOR)
    assert (work(mail).state, mail.state, len(outbox.outbox)) == ("succeeded", "sent", 1)


def test_what_fails_after_the_server_took_it_does_not_send_it_twice(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(organization)
    mail = Mail.objects.get()

    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("invoicing.actions.mail.audit.record", broken)
    assert (work(mail).state, mail.state) == ("queued", "sent")
    assert (work(mail).state, len(outbox.outbox)) == ("succeeded", 1)


def test_a_credit_note(organization: Organization) -> None:
    invoice = issued(organization, locale="fr")
    item = CreditItem(invoice.lines.get(), "Less", 1000)
    credit = create_credit_note(invoice, [item], 0, key="note", by=ACTOR, at=AT)
    publish_credit_note(credit.pk)
    mail = send_document_mail(credit, key="note", by=ACTOR, at=AT)
    work(mail)
    message = outbox.outbox[-1]
    assert message.subject == f"Avoir {credit.number} de Acme GmbH"
    assert message.attachments[0][0] == f"{credit.number}.pdf"
    assert AuditEntry.objects.filter(action="credit_note.sent", subject_id=credit.pk).count() == 1


def test_a_reminder_of_what_is_paid_meanwhile_stays_here(organization: Organization) -> None:
    invoice = issued(organization, email_invoices=False)
    text = compose("reminder", "en", MailFacts("Acme", "Globex", invoice.number, days=3))
    mail = queue_mail(
        "reminder",
        subject=invoice,
        customer=invoice.customer,
        billing_entity=invoice.billing_entity,
        to=["ap@globex.example"],
        text=text,
        key="reminder:3",
        by=ACTOR,
        at=AT,
    )
    record_payment(invoice, amount_minor=invoice.due_minor, key="all", by=ACTOR, at=AT)
    work(mail)
    assert (mail.state, outbox.outbox) == ("canceled", [])


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
@pytest.mark.parametrize(
    "text", ["nobody", "a@b", "a@b.example\nBcc: c@d.example", "a b@c.example", "<a@b.example>"]
)
def test_what_is_no_address_is_named(organization: Organization, field: str, text: str) -> None:
    invoice = issued(organization, email_invoices=False)
    with pytest.raises(Invalid) as error:
        send_document_mail(invoice, key="x", by=ACTOR, at=AT, **{"to": ["a@b.example"], field: [text]})
    assert (error.value.field, error.value.code) == (field, "invalid_address")
    assert not Mail.objects.exists()
