"""E-mails to customers: written down in the caller's transaction, sent by a worker after it, once.

For whoever has something to send:

    text = written(kind, language, facts, billing_entity)       # queries/mail_wordings.py: in its own words
    queue_mail(kind, subject=row, customer=…, billing_entity=…, to=[…], text=text, key="…", by=by, at=at)

`key` is unique in the organization: a second call with it returns the first row and sends nothing. `subject` is the
row that the e-mail is about; its page shows the log (`Mail.objects.about(row)`). `attachments` are read when it is
sent: [{"of": "invoice" | "credit_note" | "receipt", "id": pk.hex, "form": "pdf" | "ubl"}]
(`queries/mail_facts.py:document_files`).
Ask `mails_customers(billing_entity)` before anything automatic: a sandbox mails nobody.

Once: the row says `sent` only after the mail server has taken it, and then no repeat sends anything. A worker killed
between the two sends again with the same Message-ID; SMTP knows no better.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from billing.actions import audit, later
from billing.models import BillingEntity, Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from invoicing.clients import mailer
from invoicing.documents.mails import MailText
from invoicing.models import CreditNote, Invoice, Mail, MailKind, MailState, Payment, PaymentRequest
from invoicing.queries.mail_files import NotReady, files_of, logo_of
from invoicing.rules.addresses import addresses, one_line
from invoicing.rules.states import InvoiceStatus

TASK = "invoicing.mail"
# Seconds until the next try; after the last one it has failed, and staff can have it run again.
WAITS = tuple(timedelta(seconds=n) for n in (30, 120, 600, 1800, 3600, 7200, 14400))
NEVER_WHEN_PAID = (MailKind.REMINDER.value, MailKind.PAYMENT_FAILED.value)
COPIED = (
    *(
        "billing_entity",
        "customer",
        "kind",
        "subject_id",
        "invoice",
        "credit_note",
        "payment",
        "to",
        "cc",
        "bcc",
    ),
    *("sender_name", "reply_to", "language", "subject", "text", "html", "attachments"),
)
TOLD = {
    MailKind.INVOICE.value: "invoice.sent",
    MailKind.CREDIT_NOTE.value: "credit_note.sent",
    MailKind.RECEIPT.value: "payment.receipt_sent",
    MailKind.REMINDER.value: "invoice.reminded",
    MailKind.PAYMENT_REQUEST.value: "customer.payment_requested",
    MailKind.PAYMENT_FAILED.value: "invoice.payment_link_sent",
}


class MailFailed(Conflict):
    """An e-mail that the mail server does not take: 409, for the job that shows it."""

    default_code = "mail_failed"


def mails_customers(entity: BillingEntity) -> bool:
    """Whether anything may be sent to this issuer's customers: never from a sandbox."""
    return not entity.organization.sandbox


def sender_name(entity: BillingEntity) -> str:
    """What the e-mail says it is from, fit for a header."""
    return one_line(entity.legal_name or entity.name)


@transaction.atomic
def queue_mail(
    kind: str,
    *,
    subject: Any,
    customer: Any,
    billing_entity: BillingEntity,
    to: Sequence[str],
    text: MailText,
    key: str,
    by: Actor,
    at: datetime,
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    attachments: Sequence[dict[str, str]] = (),
) -> Mail:
    """Write an e-mail down and have a worker send it after the commit. Raises Invalid for what is no address (field
    to, cc or bcc) and Conflict (code sandbox_mails_nobody) in a sandbox.
    """
    organization: Organization = billing_entity.organization
    if not mails_customers(billing_entity):
        raise Conflict("A sandbox mails no customer.", code="sandbox_mails_nobody")
    given = {name: addresses(values, name) for name, values in (("to", to), ("cc", cc), ("bcc", bcc))}
    if not given["to"]:
        raise Invalid("To whom?", code="required", field="to")
    known = Mail.objects.of(organization).filter(key=key).first()
    if known is not None:
        return known
    values: dict[str, Any] = {
        "billing_entity": billing_entity,
        "customer": customer,
        "kind": MailKind(kind).value,
        "subject_id": subject.pk,
        "sender_name": sender_name(billing_entity),
        "reply_to": billing_entity.email,
        "language": text.language,
        "subject": text.subject,
        "text": text.text,
        "html": text.html,
        "attachments": list(attachments),
        "by_label": by.label[:200],
        **given,
    }
    for name, model in (("invoice", Invoice), ("credit_note", CreditNote), ("payment", Payment)):
        if isinstance(subject, model):
            values[name] = subject
    try:
        with transaction.atomic():
            mail = Mail.objects.create(organization=organization, key=key, **values)
    except IntegrityError:  # the same key at the same moment
        return Mail.objects.of(organization).get(key=key)
    enqueue(mail)
    return mail


def enqueue(mail: Mail) -> None:
    """A worker is to send it."""
    later.enqueue_again(
        mail.organization, TASK, key=f"mail:{mail.pk}", label=f"E-mail: {mail.subject}", subject_id=mail.pk
    )


@transaction.atomic
def send_again(mail: Mail, *, token: str, by: Actor) -> Mail:
    """A failed e-mail once more; of one that went out a second one with the same words (once per `token`)."""
    row: Mail = Mail.objects.select_for_update(of=("self",)).select_related("organization").get(pk=mail.pk)
    if row.state == MailState.WAITING.value:
        raise Conflict("It is waiting to be sent.", code="mail_waiting")
    if row.state == MailState.FAILED.value:
        row.state, row.error = MailState.WAITING.value, ""
        row.save(update_fields=["state", "error", "updated_at"])
        enqueue(row)
        return row
    key = f"again:{row.pk}:{token}"[:200]
    known = Mail.objects.of(row.organization).filter(key=key).first()
    if known is not None:
        return known
    copied = {name: getattr(row, name) for name in COPIED}
    mail = Mail.objects.create(organization=row.organization, key=key, by_label=by.label[:200], **copied)
    enqueue(mail)
    return mail


def deliver(mail_id: UUID, *, attempt: int, by: Actor, at: datetime) -> None:
    """Send an e-mail that waits, in a worker. Nothing happens when it is sent or its reason is gone. Raises
    `later.TryAgain` for a passing fault, MailFailed for one that stays.
    """
    rows = Mail.objects.select_related(
        "organization", "billing_entity", "customer", "invoice", "credit_note", "payment"
    )
    mail: Mail | None = (
        rows.filter(pk=mail_id).exclude(state__in=[MailState.SENT, MailState.CANCELED]).first()
    )
    if mail is None:
        return
    if reason := needless(mail):
        note(mail, MailState.CANCELED, reason)
        return
    try:
        refused = mailer.send(letter(mail))
    except (mailer.NotNow, NotReady) as error:
        tried = not isinstance(error, NotReady)
        if attempt <= len(WAITS):
            note(mail, MailState.WAITING, str(error), tried=tried)
            raise later.TryAgain(str(error), after=WAITS[attempt - 1]) from error
        note(mail, MailState.FAILED, str(error), tried=tried)
        raise MailFailed(str(error)) from error
    except mailer.Refused as error:
        note(mail, MailState.FAILED, str(error), tried=True)
        raise MailFailed(str(error)) from error
    except (OperationalError, InterfaceError):  # the database: the job is tried again by itself
        raise
    except Exception as error:  # a file that is gone, say: its job shows it, and it must not wait for ever
        note(mail, MailState.FAILED, later.reason(error), tried=True)
        raise
    missed = mailer.listed(refused)
    if refused.keys() >= set(mail.to):  # copies alone went out; those must not come again by themselves
        note(mail, MailState.FAILED, missed, tried=True)
        raise MailFailed(missed)
    note(
        mail, MailState.SENT, missed, tried=True
    )  # by itself: what fails after it must not have it sent again
    told = mail.payment or mail.credit_note or mail.invoice or mail.customer
    took = [address for address in (*mail.to, *mail.cc) if address not in refused]
    changes = {"to": ("", ", ".join(took))}
    audit.record(
        mail.organization, TOLD[mail.kind], told, by=by, at=at, customer=mail.customer, changes=changes
    )


def needless(mail: Mail) -> str:
    """Why it is not sent any more; nothing when it is."""
    for row in (mail.invoice, mail.credit_note):
        if row is not None and row.status == InvoiceStatus.VOIDED.value:
            return "It was voided meanwhile."
    if mail.kind in NEVER_WHEN_PAID and mail.invoice is not None and not mail.invoice.due_minor:
        return "It was paid meanwhile."
    if mail.kind == MailKind.PAYMENT_REQUEST.value:
        asked = PaymentRequest.objects.filter(pk=mail.subject_id).first()
        if asked is not None and not asked.open:
            return f"The request is closed: {asked.get_close_reason_display().lower()}."
    if mail.kind == MailKind.REMINDER.value and mail.invoice is not None and mail.invoice.in_dispute:
        return "It is in dispute meanwhile."
    return ""


def letter(mail: Mail) -> mailer.Letter:
    """The row with its files."""
    return mailer.Letter(
        reference=mail.public_id,
        sender_name=mail.sender_name,
        to=mail.to,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        files=files_of(mail),
        logo=logo_of(mail.billing_entity) if "cid:logo" in mail.html else b"",
    )


def note(mail: Mail, state: MailState, error: str, *, tried: bool = False) -> None:
    """Write what became of it."""
    mail.state, mail.error = state.value, error[:500]
    mail.attempts += int(tried)
    mail.sent_at = timezone.now() if state == MailState.SENT else None
    mail.save(update_fields=["state", "error", "attempts", "sent_at", "updated_at"])
