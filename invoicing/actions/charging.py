"""Charging saved payment methods: the default first, another only when the provider of one is not available.

Law: an invoice is charged once per key, and never while a charge of it is under way. The attempt is a row before the
provider is asked, its reference the provider's idempotency key. A bank's no ends it: no other card is tried, the
customer gets a payment link. No answer ends it too: whether the money moved is asked later (`attempts.py`), and
nobody else is charged meanwhile. Only what surely was not done lets the next method have its turn.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.actions import audit, clock, later
from billing.actions.locks import lock_customer_of
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.periods import local_date
from invoicing.actions.attempts import charge_of, charger_of, settle
from invoicing.actions.collecting import FIRST
from invoicing.actions.draft import lock_invoice
from invoicing.actions.mail import mails_customers, queue_mail
from invoicing.actions.paying import note
from invoicing.actions.payments import check_amount
from invoicing.clients.providers.base import Declined, ProviderError, Seen, Unavailable
from invoicing.models import Invoice, MailKind, PaymentAttempt
from invoicing.queries.mail_facts import address_of, invoice_facts
from invoicing.queries.mail_wordings import written
from invoicing.queries.pay_links import pay_link
from invoicing.queries.paying import concerning, under_way
from invoicing.queries.payment_methods import chargeable, saved_methods
from invoicing.rules.paying import WAITS

NOT_AVAILABLE = "Not available:"
MOST_TRIES = 36
# Reasons not to charge an invoice that are no failures: it was paid, withdrawn, given up or contested meanwhile.
QUIET = frozenset(
    {"invoice_paid", "invoice_not_finalized", "invoice_written_off", "invoice_disputed", "no_method"}
)
NO_ANSWER = "No answer yet; whether it was charged is asked by itself."
BY = Actor.system("Automatic collection")


def charge_invoice(invoice: Invoice, *, key: str = FIRST, by: Actor = BY, at: datetime) -> PaymentAttempt:
    """Charge what is due of a final invoice. Call it outside of transactions, in a worker.

    `key` makes a repeat harmless. Raises Invalid when nothing is due or nothing saved can be charged (no_method),
    Conflict (being_charged) while a payment of it is under way.
    """
    number = 0
    resting: set[UUID] = set()
    while True:
        attempt, fresh = begin(invoice, f"{key}#{number}", resting=resting, by=by, at=at)
        if not fresh:
            if attempt.state == "failed" and attempt.reason.startswith(NOT_AVAILABLE):
                number += 1
                continue
            return attempt
        try:
            seen = charger_of(attempt.provider).charge(charge_of(attempt))
        except Declined as error:
            return settle(attempt, Seen("failed", reason=error.message, declined=True), at=at)
        except Unavailable as error:
            if not error.undone:
                return note(attempt, "unknown", f"{NO_ANSWER} {error.message}", by=by, at=at)
            note(attempt, "failed", f"{NOT_AVAILABLE} {error.message}", by=by, at=at)
            resting.add(attempt.provider_id)
            number += 1
        except ProviderError as error:
            return settle(attempt, Seen("failed", reason=error.message), at=at)
        else:
            return settle(attempt, seen, at=at)


@transaction.atomic
def begin(
    invoice: Invoice, key: str, *, resting: set[UUID], by: Actor, at: datetime
) -> tuple[PaymentAttempt, bool]:
    """The attempt to go on with, and whether it has just been made. `resting`: accounts that are not available."""
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    rows = PaymentAttempt.objects.filter(invoice=invoice).select_related("provider", "method", "invoice")
    known = rows.filter(key=key).first()
    if known is not None:
        return known, False
    check_amount(invoice, None)
    if invoice.in_dispute:
        raise Invalid("The customer disputes this invoice.", code="invoice_disputed")
    if PaymentAttempt.objects.filter(concerning([invoice]), under_way(timezone.now())).exists():
        raise Conflict("A payment of this invoice is under way.", code="being_charged")
    methods = [] if customer.deleted_at or customer.deleting_at else saved_methods(customer)
    usable, others = chargeable(invoice, customer, methods, local_date(at, invoice.timezone))
    method = next((row for row in usable if row.provider_id not in resting), None)
    if method is None and usable:
        raise Conflict("No provider is available just now.", code="provider_failed")
    if method is None:
        reasons = "; ".join(f"{row} {reason}" for row, reason in others)
        raise Invalid(
            f"No saved payment method can be charged{': ' + reasons if reasons else '.'}"[:400],
            code="no_method",
        )
    made = PaymentAttempt.objects.create(
        organization=invoice.organization,
        invoice=invoice,
        customer=customer,
        provider=method.provider,
        method=method,
        amount_minor=invoice.due_minor,
        currency=invoice.currency,
        key=key,
        next_at=timezone.now() + WAITS[0],
    )
    audit.record(
        made.organization,
        "payment.charge_asked_for",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes={"payment_method": ("", str(method)), "amount_minor": (None, made.amount_minor)},
    )
    return made, True


def charge_in_worker(invoice_id: UUID, key: str, *, tries: int) -> None:
    """The job of `collecting.ask_to_charge`. What is not to be charged any more is done; raises `later.TryAgain`, for
    a few hours, while another payment is under way or no provider is available.
    """
    invoice = Invoice.objects.select_related("organization").get(pk=invoice_id)
    try:
        charge_invoice(invoice, key=key, at=clock.now(invoice.organization))
    except Conflict as error:
        if error.code in {"being_charged", "provider_failed"} and tries < MOST_TRIES:
            raise later.TryAgain(str(error), after=timedelta(minutes=10)) from error
        raise
    except Invalid as error:
        if error.code not in QUIET:
            raise


def tell_of_failed_charge(attempt_id: UUID) -> None:
    """A charge has failed: the customer gets a link to pay by, once; nothing when the invoice was paid meanwhile,
    without an address, or in a sandbox.
    """
    rows = PaymentAttempt.objects.select_related(
        "invoice__billing_entity__organization", "invoice__customer", "method"
    )
    attempt = rows.get(pk=attempt_id)
    invoice = attempt.invoice
    if invoice is None:  # a request is paid by links alone
        return
    to = address_of(invoice.customer)
    if not (invoice.due_minor and to and mails_customers(invoice.billing_entity)) or invoice.in_dispute:
        return
    at, link = clock.now(attempt.organization), pay_link(invoice)
    language = invoice.locale
    facts = invoice_facts(invoice, language, link=link, pays=bool(link))
    facts = replace(facts, amount_minor=invoice.due_minor, open_minor=None)
    queue_mail(
        MailKind.PAYMENT_FAILED.value,
        subject=invoice,
        customer=invoice.customer,
        billing_entity=invoice.billing_entity,
        to=[to],
        text=written(MailKind.PAYMENT_FAILED.value, language, facts, invoice.billing_entity),
        key=f"failed-charge:{attempt.pk}",
        by=BY,
        at=at,
    )
