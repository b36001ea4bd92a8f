"""Asking a provider for a payment of an invoice, or of a payment request in one sum: a link, or a prompt on the
customer's phone.

The attempt is a row before the provider is asked, and the provider is asked without a transaction. What it answers is
written beside what has happened meanwhile. No answer at all leaves the attempt `unknown`: `attempts.py` asks later.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.clients.sealed import Unsealable, unseal
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.errors import Unavailable as NotAvailable
from invoicing.actions import provider_calls as calls
from invoicing.actions.draft import lock_invoice
from invoicing.actions.payments import check_amount
from invoicing.clients.providers.base import (
    Checkout,
    PaymentsProvider,
    ProviderError,
    Refused,
    Started,
    Unavailable,
    Unknown,
)
from invoicing.clients.providers.registry import payments_for
from invoicing.models import Invoice, PaymentAttempt, PaymentProvider, PaymentRequest
from invoicing.models.paying import OPEN_STATES
from invoicing.queries.paying import concerning, purpose_of, ways_to_pay
from invoicing.queries.provider_links import known_links
from invoicing.rules.paying import WAITS

BEING_ASKED = timedelta(minutes=3)  # longer than any call may take, and than a phone asks
MOST_KEY = 190  # what numbers the attempts under it fits behind it
MARGIN = timedelta(minutes=30)  # a link that ends sooner is not handed out again


def open_checkout(
    subject: Invoice | PaymentRequest, *, return_url: str = "", key: str, by: Actor, at: datetime
) -> PaymentAttempt:
    """Somewhere to pay what is due of a finalised invoice, or of an open payment request in one sum: the open link
    for this amount, or a new one at the first account that is available. Call it outside of transactions.

    `key` makes a repeat harmless. Raises Invalid when nothing is due, when no account can take the amount
    (no_provider) or the provider refuses (provider_refused); Conflict while another payment of the invoices is under
    way (being_asked), for a request that is closed (request_closed) or of which all is in dispute (in_dispute);
    Unavailable (502) when no account is there.
    """
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    told: list[str] = []
    number = 0
    while True:
        attempt, fresh = begin(subject, f"{key}#{number}", skipped=len(told), by=by, at=at)
        if attempt is None:
            raise NotAvailable(" ".join(told), code="provider_failed")
        if not fresh:
            if attempt.state != "failed":
                return attempt
            number += 1
            continue
        try:
            started = ask(attempt, return_url)
        except Unknown as error:
            return note(attempt, "unknown", error.message, by=by, at=at)
        except Unavailable as error:
            note(attempt, "failed", f"Not available: {error.message}", by=by, at=at)
            told.append(f"{attempt.provider.name}: {error.message}")
            number += 1
        except ProviderError as error:
            note(attempt, "failed", error.message, by=by, at=at)
            raise Invalid(f"{attempt.provider.name}: {error.message}", code="provider_refused") from error
        else:
            return started_at(attempt, started, by=by, at=at)


@transaction.atomic
def begin(
    subject: Invoice | PaymentRequest, key: str, *, skipped: int, by: Actor, at: datetime
) -> tuple[PaymentAttempt | None, bool]:
    """The attempt to go on with, and whether it has just been made. None: no account is left."""
    customer = lock_customer_of(subject)
    locked = lock_asked(subject)
    mine = {"request" if isinstance(subject, PaymentRequest) else "invoice": subject}
    known = PaymentAttempt.objects.filter(**mine, key=key).select_related("provider").first()
    if known is not None:
        return known, False
    due = what_is_due(subject, locked)
    amount = sum(invoice.due_minor for invoice in due)
    rows = PaymentAttempt.objects.filter(concerning(due), state__in=OPEN_STATES).select_related("provider")
    there = [
        row for row in rows if under_way(row, subject, amount)
    ]  # all are looked at: any may stand against it
    if there:
        return there[0], False
    ways = ways_to_pay(customer, amount, due[0].currency)
    if not ways.accounts:
        reasons = "; ".join(f"{account.name} {reason}" for account, reason in ways.others)
        raise Invalid(
            f"No account can take this payment{': ' + reasons if reasons else '.'}"[:400], code="no_provider"
        )
    if skipped >= len(ways.accounts):
        return None, False
    made = PaymentAttempt.objects.create(
        **mine,
        organization=customer.organization,
        customer=customer,
        provider=ways.accounts[skipped],
        amount_minor=amount,
        currency=due[0].currency,
        key=key,
        next_at=timezone.now() + WAITS[0],
    )
    return made, True


def lock_asked(subject: Invoice | PaymentRequest) -> list[Invoice]:
    """The invoices that are paid by it as they are now, locked after their customer."""
    if isinstance(subject, Invoice):
        return [lock_invoice(subject)]
    rows = Invoice.objects.filter(requested__request=subject).select_related("organization", "billing_entity")
    return list(rows.locked())


def what_is_due(subject: Invoice | PaymentRequest, locked: list[Invoice]) -> list[Invoice]:
    """Those that something is due of and nobody contests; or the reason why nothing can be asked for."""
    if isinstance(subject, Invoice):
        check_amount(locked[0], None)
        return locked
    if not PaymentRequest.objects.open().filter(pk=subject.pk).exists():
        raise Conflict("This request is closed.", code="request_closed")
    due = [invoice for invoice in locked if invoice.due_minor and not invoice.in_dispute]
    if not due:
        raise Conflict("All that is open of it is in dispute.", code="in_dispute")
    return due


def under_way(row: PaymentAttempt, subject: Invoice | PaymentRequest, amount_minor: int) -> bool:
    """Whether an open attempt is the one to pay by. Raises Conflict while nobody else may be asked."""
    if row.method_id:
        raise Conflict("A saved payment method is being charged just now.", code="being_asked")
    if row.state == "unknown" and row.created_at > timezone.now() - BEING_ASKED:
        raise Conflict("A payment is being asked for just now. Look again in a moment.", code="being_asked")
    calling = (
        row.state == "pending" and not row.url and row.expires_at and row.expires_at > timezone.now()
    )  # the phone asks already
    usable = row.url and row.expires_at and row.expires_at > timezone.now() + MARGIN
    there = row.provider.active and row.provider.deleted_at is None
    # Also while a payment is on its way: another link could be paid as well.
    same = row.state != "unknown" and row.amount_minor == amount_minor and usable and there
    if row.subject == subject and (same or calling):
        return True
    if calling or row.state == "processing":
        raise Conflict(
            "A payment of these invoices is under way. Look again in a moment.", code="being_asked"
        )
    return False


def ask(attempt: PaymentAttempt, return_url: str) -> Started:
    """The call. The customer's data are those of now."""
    customer: Any = attempt.customer
    link = known_links().filter(customer=customer, provider=attempt.provider).first()
    checkout = Checkout(
        reference=attempt.reference,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        description=purpose_of(attempt),
        name=str(customer.display_name),
        email=customer.email,
        phone=customer.phone,
        return_url=return_url or settings.BASE_URL + reverse("paid", args=[attempt]),
        callback_url=settings.BASE_URL
        + reverse("provider-webhook", args=[attempt.provider.type, attempt.provider.public_id]),
        customer_id=link.external_id if link else "",
        save=customer.collect_automatically,
    )
    return payer_of(attempt.provider, timeout=calls.IN_REQUEST).start(checkout)


def payer_of(account: PaymentProvider, *, timeout: float) -> PaymentsProvider:
    """The client of an account. Raises Refused when it cannot be used."""
    try:
        return payments_for(account.type, unseal(account.credentials), timeout=timeout)
    except Unsealable as error:
        raise Refused(f"{error} Enter them again.") from error


@transaction.atomic
def started_at(attempt: PaymentAttempt, started: Started, *, by: Actor, at: datetime) -> PaymentAttempt:
    """Write down where it can be paid. A message of the provider may have been quicker."""
    customer = lock_customer_of(attempt)
    row = PaymentAttempt.objects.select_for_update(of=("self",)).select_related("provider").get(pk=attempt.pk)
    row.external_id = row.external_id or started.external_id
    row.url, row.note = started.url, started.note[:255]
    row.expires_at = timezone.now() + timedelta(minutes=started.minutes)
    if row.state == "unknown":
        row.state = "pending"
    row.save()
    audit.record(
        row.organization,
        "payment.asked_for",
        attempt.subject,
        by=by,
        at=at,
        customer=customer,
        changes={"provider": (None, row.provider.name), "amount_minor": (None, row.amount_minor)},
    )
    return row


@transaction.atomic
def note(attempt: PaymentAttempt, state: str, reason: str, *, by: Actor, at: datetime) -> PaymentAttempt:
    """Write down why nothing was started. An attempt that failed is asked about no more."""
    row = PaymentAttempt.objects.select_for_update(of=("self",)).select_related("provider").get(pk=attempt.pk)
    if row.state == "unknown":
        row.state, row.reason = state, reason[:500]
        if state == "failed":
            row.next_at = None
        row.save()
    return row
