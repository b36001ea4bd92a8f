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
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from invoicing.actions.refund_sources import (
    Source,
    check_refund,
    count_done,
    lock_source,
    set_aside,
    subject_of,
)
from invoicing.models import CreditNote, Invoice, Payment, PaymentProvider, Refund, Remittance
from invoicing.queries.crediting import REFUNDABLE
from invoicing.queries.refunds import account_of, attempt_of, hindrance
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
    customer, payment, found = locked(payment, key, amount_minor)
    if found is not None:
        return found
    amount = check_refund(payment, amount_minor)
    account = None if by_hand else account_of(payment)
    check_fine(account, amount, payment.currency)
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
        count_done(refund, payment, by=by, at=at)
    else:
        begin(refund, payment, customer, account, by=by, at=at)
    return refund


@transaction.atomic
def send_rest_back(
    remittance: Remittance,
    *,
    amount_minor: int | None = None,
    reason: str = "",
    key: str,
    by: Actor,
    at: datetime,
) -> Refund:
    """Have the provider that brought a transfer send back money of it that is on account, in minor units (None: all
    that is there). `key` makes a repeat harmless. Raises Conflict (not_refundable_online) where no provider does;
    what was sent by hand is noted by `remittances.give_back_rest`.
    """
    customer, remittance, found = locked(remittance, key, amount_minor)
    if found is not None:
        return found
    if remittance.returns.filter(key=key).exists():
        raise Conflict("It was noted under this key that it went.", code="refund_key_used", field="key")
    amount = check_refund(remittance, amount_minor)
    account = account_of(remittance)
    if account is None:
        why = hindrance(attempt_of(remittance))
        raise Conflict(
            why or "It came by hand: send it yourself, then record it.", code="not_refundable_online"
        )
    check_fine(account, amount, remittance.currency)
    refund = Refund(
        organization_id=remittance.organization_id,
        remittance=remittance,
        account=account,
        amount_minor=amount,
        currency=remittance.currency,
        reason=reason.strip()[:500],
        refunded_at=at,
        key=key,
    )
    begin(refund, remittance, customer, account, by=by, at=at)
    return refund


def locked(source: Source, key: str, amount_minor: int | None) -> tuple[Any, Any, Refund | None]:
    """The customer and the row, locked, and the refund that the key has made before."""
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    customer = lock_customer_of(source)
    source = lock_source(source)
    of = {"remittance" if isinstance(source, Remittance) else "payment": source}
    found = Refund.objects.filter(**of, key=key).first()
    if found is not None and amount_minor not in (None, found.amount_minor):
        raise Conflict("Another refund was made under this key.", code="refund_key_used", field="key")
    return customer, source, found


def check_fine(account: PaymentProvider | None, amount_minor: int, currency: str) -> None:
    """Raise Invalid for an amount that the provider cannot count."""
    if account and (reason := too_fine(account.type, amount_minor, currency)):
        raise Invalid(f"{account.name} {reason}.", code="amount_too_fine", field="amount")


def begin(
    refund: Refund, source: Source, customer: Any, account: PaymentProvider, *, by: Actor, at: datetime
) -> None:
    """Set the amount aside, and have a worker ask the provider for it after the commit."""
    refund.status, refund.failure = "pending", ""
    refund.asked_at, refund.next_at = None, timezone.now()
    refund.save()
    set_aside(source, refund.amount_minor)
    audit.record(
        source.organization,
        "payment.refund_asked_for",
        subject_of(source),
        by=by,
        at=at,
        customer=customer,
        changes={"provider": (None, account.name), "amount_minor": (None, refund.amount_minor)},
        reason=refund.reason,
    )
    later.after_commit(SEND, str(refund.pk))


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
