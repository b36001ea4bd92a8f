"""Money given back: never more than was paid, and each time once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.models import CreditNote, Invoice, Payment, Refund
from invoicing.queries.crediting import REFUNDABLE
from invoicing.queries.payloads import payment_payload

MOST_KEY = 200


@transaction.atomic
def refund_payment(
    payment: Payment,
    *,
    amount_minor: int | None = None,
    reason: str = "",
    reference: str = "",
    credit_note: CreditNote | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> Refund:
    """Note that money of a payment went back, in minor units (None: all that is left of it).

    The invoice stays as it is: what was paid was paid, and what was too much is said by a credit note. `key` makes a
    repeat harmless; another amount under the same key is a Conflict. Two refunds at once cannot exceed the payment.
    Works for deleted customers too.
    """
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    customer = lock_customer_of(payment)
    payment = Payment.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=payment.pk)
    found = Refund.objects.filter(payment=payment, key=key).first()
    if found is not None:
        if amount_minor not in (None, found.amount_minor):
            raise Conflict("Another refund was made under this key.", code="refund_key_used", field="key")
        return found
    amount = check_refund(payment, amount_minor)
    refund = Refund.objects.create(
        organization_id=payment.organization_id,
        payment=payment,
        credit_note=credit_note,
        amount_minor=amount,
        currency=payment.currency,
        reason=reason.strip()[:500],
        reference=reference.strip()[:100],
        refunded_at=at,
        key=key,
    )
    before = audit.snapshot(payment, ["refunded_minor", "status"])
    payment.refunded_minor += amount
    whole = payment.refunded_minor == payment.amount_minor
    payment.status = "refunded" if whole else "partially_refunded"
    payment.save(update_fields=["refunded_minor", "status", "updated_at"])
    audit.record(
        payment.organization,
        "payment.refunded",
        payment.invoice,
        by=by,
        at=at,
        customer=customer,
        changes=audit.differences(before, payment),
        reason=refund.reason,
    )
    emit(payment.organization, "payment.refunded", payment, payment_payload(payment), at=at)
    return refund


def check_refund(payment: Payment, amount_minor: int | None) -> int:
    """The amount to give back, or the reason why none can be."""
    left = payment.amount_minor - payment.refunded_minor
    if payment.status not in (*REFUNDABLE, "refunded"):
        raise Invalid(
            f"This payment is {payment.status}: there is nothing to give back.", code="not_refundable"
        )
    if not left:
        raise Invalid("Everything of this payment was given back already.", code="payment_refunded")
    if amount_minor is None:
        return left
    if amount_minor <= 0:
        raise Invalid("Must be more than 0.", field="amount")
    if amount_minor > left:
        most = from_minor(left, payment.currency)
        raise Invalid(
            f"At most {most:f} {payment.currency} can be given back.", code="more_than_paid", field="amount"
        )
    return amount_minor


def refund_invoice(
    invoice: Invoice, amount_minor: int, *, note: CreditNote, key: str, by: Actor, at: datetime
) -> list[Any]:
    """Give back money of an invoice's payments, the latest first. The caller has checked that there is enough."""
    made = []
    rest = amount_minor
    rows = Payment.objects.filter(invoice=invoice, status__in=REFUNDABLE).order_by("-paid_at", "-pk")
    for payment in rows:
        part = min(rest, payment.amount_minor - payment.refunded_minor)
        if part:
            made.append(
                refund_payment(
                    payment,
                    amount_minor=part,
                    reason=f"Credit note {note.number}",
                    credit_note=note,
                    key=key,
                    by=by,
                    at=at,
                )
            )
        rest -= part
    return made
