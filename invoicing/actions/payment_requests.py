"""Asking a customer for its overdue invoices at once: the request, its e-mail, asking again, taking it back."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer, lock_customer_of
from billing.actions.webhooks import emit
from billing.models import BillingEntity
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.actions.mail import queue_mail
from invoicing.actions.publish import ask_for_pdf
from invoicing.actions.request_ends import close
from invoicing.documents.mails import MailText
from invoicing.models import (
    DunningCase,
    Invoice,
    Mail,
    MailKind,
    PaymentRequest,
    RequestedInvoice,
    RequestOrigin,
)
from invoicing.queries.mail_facts import Attachment, file_names
from invoicing.queries.mail_wordings import written
from invoicing.queries.payment_requests import (
    asked_before,
    day_in,
    files_for,
    language_of,
    letter_facts,
    overdue_of,
    parts_of,
    request_payload,
    request_url,
)
from invoicing.rules.payment_requests import CloseReason, RequestStatus

MOST_KEY = 200
MOST_INVOICES = 100
TOO_LONG = "This key is too long: use at most 150 characters."


@transaction.atomic
def request_payment(
    customer: Any,
    *,
    currency: str,
    entity: BillingEntity | None = None,
    chosen: Collection[UUID] | None = None,
    to: Sequence[str] = (),
    bcc: Sequence[str] = (),
    language: str = "",
    note: str = "",
    attach: bool = False,
    expected_minor: int | None = None,
    case: DunningCase | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> PaymentRequest:
    """Ask for the customer's overdue invoices in a currency, all of them or those that were `chosen`, and mail it to
    `to` (nobody: the request is there, and no e-mail goes out). Older open requests for one of them are replaced.

    `entity`: the issuer, where several have something overdue. `expected_minor`: what the person saw as the amount;
    another one by now is a Conflict (request_changed). `case`: the chase that asks. `key` makes a repeat harmless.
    Raises Invalid when nothing is overdue (nothing_overdue), for a chosen invoice that is not (not_overdue), for
    several issuers (several_billing_entities) and what `queue_mail` refuses.
    """
    if len(key) > MOST_KEY:
        raise Invalid(TOO_LONG, field="key")
    customer = lock_customer(customer.pk)
    if customer.merged_into_id is not None:
        raise Conflict("This customer was merged into another one.", code="customer_merged")
    found: PaymentRequest | None = PaymentRequest.objects.of(customer.organization_id).filter(key=key).first()
    if found is not None:
        if found.customer_id != customer.pk:
            raise Conflict("Something else was asked for under this key.", code="request_key_used")
        return found
    invoices = what_to_ask_for(customer, currency, entity, chosen, at=at)
    amount = sum(row.due_minor for row in invoices)
    if expected_minor is not None and expected_minor != amount:
        now_due = from_minor(amount, currency)
        raise Conflict(f"Meanwhile {now_due:f} {currency} is overdue. Look again.", code="request_changed")
    issuer = invoices[0].billing_entity
    older = asked_before(customer, [row.pk for row in invoices])
    row = PaymentRequest(
        organization=customer.organization,
        customer=customer,
        billing_entity=issuer,
        currency=currency,
        amount_minor=amount,
        origin=(RequestOrigin.CAMPAIGN if case else RequestOrigin.MANUAL).value,
        case=case,
        language=language or language_of(customer),
        note=note.strip()[:1000],
        requested_at=at,
        last_asked_at=at,
        token=secrets.token_urlsafe(32),
        key=key,
    )
    row.save()
    replace_older(older, row, by=by, at=at)
    RequestedInvoice.objects.bulk_create(
        RequestedInvoice(
            organization_id=row.organization_id,
            request=row,
            invoice=invoice,
            amount_minor=invoice.due_minor,
            received_minor=invoice.received_minor,
        )
        for invoice in invoices
    )
    audit.record(
        row.organization,
        "payment_request.created",
        row,
        by=by,
        at=at,
        customer=customer,
        changes={
            "currency": (None, currency),
            "amount_minor": (None, amount),
            "invoices": (None, ", ".join(invoice.number for invoice in invoices)),
        },
    )
    emit(row.organization, "payment_request.created", row, request_payload(row), at=at)
    if to:
        mail_request(row, invoices, to=to, bcc=bcc, attach=attach, key=f"request:{row.pk}:1", by=by, at=at)
    return row


def what_to_ask_for(
    customer: Any,
    currency: str,
    entity: BillingEntity | None,
    chosen: Collection[UUID] | None,
    *,
    at: datetime,
) -> list[Invoice]:
    """The invoices, locked, the oldest debt first; or the reason why they cannot be asked for."""
    rows = overdue_of(customer, day_in(customer.organization, at)).filter(currency=currency)
    if entity is not None:
        rows = rows.filter(billing_entity=entity)
    keys = set(rows.values_list("pk", flat=True))
    if chosen is not None:
        if not chosen:
            raise Invalid("Choose at least one invoice.", code="required", field="invoices")
        if not set(chosen) <= keys:
            raise Invalid(
                "One of these invoices is not overdue any more. Look again.",
                code="not_overdue",
                field="invoices",
            )
        keys = set(chosen)
    if not keys:
        raise Invalid(f"Nothing is overdue in {currency}.", code="nothing_overdue", field="currency")
    if len(keys) > MOST_INVOICES:
        raise Invalid(f"Choose at most {MOST_INVOICES} invoices.", code="too_many", field="invoices")
    list(Invoice.objects.filter(pk__in=keys).locked())
    # As they are now that nobody else can change them.
    found = list(rows.filter(pk__in=keys).select_related("billing_entity", "customer"))
    if len(found) != len(keys):
        raise Conflict("Something was paid meanwhile. Look again.", code="request_changed")
    if len({row.billing_entity_id for row in found}) > 1:
        raise Invalid(
            "These invoices are of several billing entities: ask for those of one.",
            code="several_billing_entities",
            field="billing_entity_id",
        )
    return found


def replace_older(older: Sequence[PaymentRequest], row: PaymentRequest, *, by: Actor, at: datetime) -> None:
    """The older requests for the same invoices are not open any more."""
    for known in PaymentRequest.objects.filter(pk__in=[item.pk for item in older]).open().locked():
        close(known, RequestStatus.CANCELED, CloseReason.REPLACED, by=by, at=at, replaced_by=row)


def request_text(
    customer: Any,
    invoices: Sequence[Invoice],
    *,
    language: str,
    note: str,
    link: str,
    files: Sequence[Attachment] = (),
) -> MailText:
    """The e-mail about overdue invoices."""
    names: list[str] = []
    numbers = {row.pk.hex: row.number for row in invoices}
    for item in files:
        names += file_names([item], numbers[item["id"]])
    facts = letter_facts(
        customer,
        invoices[0].billing_entity,
        invoices,
        language=language,
        link=link,
        note=note,
        files=names,
    )
    return written(MailKind.PAYMENT_REQUEST.value, language, facts, invoices[0].billing_entity)


def mail_request(
    row: PaymentRequest,
    invoices: Sequence[Invoice],
    *,
    to: Sequence[str],
    bcc: Sequence[str],
    attach: bool,
    key: str,
    by: Actor,
    at: datetime,
) -> None:
    """One more e-mail about the request, and count it."""
    files = files_for(invoices) if attach else []
    if attach:
        for invoice in invoices:
            ask_for_pdf(invoice)
    text = request_text(
        row.customer, invoices, language=row.language, note=row.note, link=request_url(row), files=files
    )
    queue_mail(
        MailKind.PAYMENT_REQUEST.value,
        subject=row,
        customer=row.customer,
        billing_entity=row.billing_entity,
        to=to,
        bcc=bcc,
        text=text,
        attachments=files,
        key=key,
        by=by,
        at=at,
    )
    row.attempts += 1
    row.last_asked_at = at
    row.save(update_fields=["attempts", "last_asked_at", "updated_at"])


@transaction.atomic
def ask_again(
    row: PaymentRequest,
    *,
    to: Sequence[str],
    note: str = "",
    attach: bool = False,
    key: str,
    by: Actor,
    at: datetime,
) -> PaymentRequest:
    """Mail an open request once more, over what is still due of it and not in dispute. `key` makes a repeat harmless.
    Raises Conflict for one that is not open any more (request_closed) or of which all is in dispute (in_dispute), and
    what `queue_mail` refuses.
    """
    lock_customer_of(row)
    row = locked(row)
    mail_key = f"request:{row.pk}:{key}"
    if len(mail_key) > MOST_KEY:
        raise Invalid(TOO_LONG, field="key")
    if Mail.objects.of(row.organization_id).filter(key=mail_key).exists():
        return row
    if not row.open:
        raise Conflict("This request is closed.", code="request_closed")
    still = [part.invoice for part in parts_of(row) if part.invoice.due_minor and not part.invoice.in_dispute]
    if not still:
        raise Conflict("All that is open of it is in dispute.", code="in_dispute")
    if row.status == RequestStatus.FAILED.value:
        row.status = RequestStatus.PENDING.value
        row.save(update_fields=["status", "updated_at"])
    row.note = note.strip()[:1000]
    row.save(update_fields=["note", "updated_at"])
    mail_request(row, still, to=to, bcc=(), attach=attach, key=mail_key, by=by, at=at)
    return row


@transaction.atomic
def withdraw_request(row: PaymentRequest, *, reason: str = "", by: Actor, at: datetime) -> PaymentRequest:
    """Take an open request back; its invoices stay as they are. Doing it twice changes nothing more."""
    lock_customer_of(row)
    row = locked(row)
    if row.close_reason == CloseReason.WITHDRAWN.value:
        return row
    if not row.open:
        raise Conflict("This request is closed already.", code="request_closed")
    close(row, RequestStatus.CANCELED, CloseReason.WITHDRAWN, by=by, at=at, said=reason.strip())
    return row


def locked(row: PaymentRequest) -> PaymentRequest:
    """The row as it is now; the caller holds its customer."""
    rows = PaymentRequest.objects.select_related("customer__billing_entity", "billing_entity__organization")
    found: PaymentRequest = rows.select_for_update(of=("self",)).get(pk=row.pk)
    return found
