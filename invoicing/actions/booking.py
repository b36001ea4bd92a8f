"""Money that a provider says has come: recorded once, for what it was asked for as far as that is still due.

An invoice gets a payment of its own. What was asked for by a payment request is one transfer over its invoices, the
oldest first (`rules/splitting.py`); so is what came for one invoice when that is more than is due by now. What no
invoice of the attempt takes waits on account of the customer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.orm.actor import Actor
from billing.rules.errors import BillingError
from billing.rules.money import from_minor
from invoicing.actions.payments import record_payment
from invoicing.actions.remittances import receive
from invoicing.clients.providers.base import Seen
from invoicing.models import Invoice, Payment, PaymentAttempt, Remittance
from invoicing.queries.collecting import due_of
from invoicing.rules.splitting import split

BY = Actor.system("Payment provider")


def book(
    row: PaymentAttempt, customer: Any, invoices: Collection[Invoice], seen: Seen, *, at: datetime
) -> None:
    """Record what came for the attempt's locked invoices. What cannot be recorded stays visible as its problem."""
    received = seen.amount_minor or 0
    if received <= 0:
        return
    asked = {invoice.pk: invoice for invoice in invoices}
    due = [(key, minor) for key, minor in due_of(customer, seen.currency) if key in asked and minor > 0]
    parts = split(received, due, {})
    try:
        if len(parts.parts) == 1 and not parts.rest_minor:
            [key] = parts.parts
            row.payment = recorded(row, asked[key], received, seen, at=at)
        else:
            row.remittance = kept(row, customer, parts.parts, received, seen, at=at)
            if row.invoice_id:
                row.payment = row.remittance.payments.filter(invoice=row.invoice_id).first()
    except BillingError as error:  # money that came is a fact, whatever stands against recording it
        came = f"{from_minor(received, seen.currency):f} {seen.currency}"
        row.problem = f"{came} came and could not be recorded: {error}"[:500]


def recorded(row: PaymentAttempt, invoice: Invoice, amount: int, seen: Seen, *, at: datetime) -> Payment:
    """The payment, under the provider's id, so that it is counted once."""
    return record_payment(
        invoice,
        amount_minor=amount,
        paid_at=seen.paid_at,
        reference=seen.payment_id,
        provider=row.provider.type,
        key=money_key(row, seen),
        by=BY,
        at=at,
    )


def kept(
    row: PaymentAttempt,
    customer: Any,
    chosen: Mapping[UUID, int],
    received: int,
    seen: Seen,
    *,
    at: datetime,
) -> Remittance:
    """One transfer, of which each invoice gets its part and the rest waits on account."""
    return receive(
        customer,
        currency=seen.currency,
        amount_minor=received,
        chosen=chosen,
        only=True,
        keep_rest=True,
        paid_at=seen.paid_at,
        reference=seen.payment_id,
        provider=row.provider.type,
        key=money_key(row, seen),
        by=BY,
        at=at,
    )


def money_key(row: PaymentAttempt, seen: Seen) -> str:
    """By what money is known, so that it is counted once."""
    return f"{row.provider.type}:{seen.payment_id or row.reference}"
