"""Money given back: never more than was paid, and each time once.

Money that came online goes back through its provider: such a refund is pending, and what it is over can be given back
by nobody else, until the provider says how it went (`refunding.py`). All other money is sent by hand, and this notes
that it was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.actions import audit, later
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.models import CreditNote, Invoice, Payment, PaymentProvider, Refund
from invoicing.queries.crediting import REFUNDABLE
from invoicing.queries.payloads import payment_payload
from invoicing.queries.refunds import account_of
from invoicing.rules.paying import too_fine

MOST_KEY = 200
SEND = "invoicing.send_refund"


@transaction.atomic
def refund_payment(
    payment: Payment,
    *,
    amount_minor: int | None = None,
    reason: str = "",
    reference: str = "",
    credit_note: CreditNote | None = None,
    by_hand: bool = False,
    key: str,
    by: Actor,
    at: datetime,
) -> Refund:
    """Give money of a payment back, in minor units (None: all that is left of it).

    What came online is sent back by its provider, after the commit; `by_hand`: it was sent otherwise already. The
    invoice stays as it is: what was paid was paid, and what was too much is said by a credit note. `key` makes a
    repeat harmless; another amount under the same key is a Conflict. Two refunds at once cannot exceed the payment.
    Works for deleted customers too.
    """
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    customer = lock_customer_of(payment)
    payment = lock_payment(payment)
    found = Refund.objects.filter(payment=payment, key=key).first()
    if found is not None:
        if amount_minor not in (None, found.amount_minor):
            raise Conflict("Another refund was made under this key.", code="refund_key_used", field="key")
        return found
    amount = check_refund(payment, amount_minor)
    account = None if by_hand else account_of(payment)
    if account and (reason := too_fine(account.type, amount, payment.currency)):
        raise Invalid(f"{account.name} {reason}.", code="amount_too_fine", field="amount")
    refund = Refund(
        organization_id=payment.organization_id,
        payment=payment,
        credit_note=credit_note,
        account=account,
        amount_minor=amount,
        currency=payment.currency,
        reason=reason.strip()[:500],
        reference=reference.strip()[:100],
        refunded_at=at,
        key=key,
    )
    if account is None:
        refund.save(force_insert=True)
        count_done(refund, payment, customer, by=by, at=at)
    else:
        begin(refund, payment, customer, account, by=by, at=at)
    return refund


def lock_payment(payment: Payment) -> Payment:
    """The payment as it is now, locked after its customer."""
    return Payment.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=payment.pk)


def begin(
    refund: Refund,
    payment: Payment,
    customer: Any,
    account: PaymentProvider,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Set the amount aside, and have a worker ask the provider for it after the commit."""
    refund.status, refund.failure = "pending", ""
    refund.asked_at, refund.next_at = None, timezone.now()
    refund.save()
    payment.refunding_minor += refund.amount_minor
    payment.save(update_fields=["refunding_minor", "updated_at"])
    audit.record(
        payment.organization,
        "payment.refund_asked_for",
        payment.invoice,
        by=by,
        at=at,
        customer=customer,
        changes={"provider": (None, account.name), "amount_minor": (None, refund.amount_minor)},
        reason=refund.reason,
    )
    later.after_commit(SEND, str(refund.pk))


def count_done(refund: Refund, payment: Payment, customer: Any, *, by: Actor, at: datetime) -> None:
    """The money went back: the payment counts it, who listens is told."""
    before = audit.snapshot(payment, ["refunded_minor", "status"])
    payment.refunded_minor += refund.amount_minor
    set_status(payment)
    payment.save(update_fields=["refunded_minor", "refunding_minor", "status", "updated_at"])
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


def set_status(payment: Payment) -> None:
    """Successful, partially refunded, or refunded: by what went back."""
    whole = payment.refunded_minor == payment.amount_minor
    payment.status = "refunded" if whole else "partially_refunded" if payment.refunded_minor else "successful"


def check_refund(payment: Payment, amount_minor: int | None) -> int:
    """The amount to give back, or the reason why none can be."""
    left = payment.left_minor
    if payment.status not in (*REFUNDABLE, "refunded"):
        raise Invalid(
            f"This payment is {payment.status}: there is nothing to give back.", code="not_refundable"
        )
    if not left:
        if payment.refunding_minor:
            raise Invalid("All that is left of this payment is on its way back.", code="payment_refunded")
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
        part = min(rest, payment.left_minor)
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
