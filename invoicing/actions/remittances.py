"""One transfer for several invoices, or for more than is due: each cent goes to an invoice, buys credits, stays on
account or goes back, and never twice.

Laws: amount = parts + on account + given back (checked by the database). A part is a payment like any other: giving
it back (`refunds.py`) leaves its invoice paid and puts nothing on account. Credits bought for the rest are an invoice
of their own that the rest pays; giving that payment back takes no credits out of the wallet. What is on account pays
nothing until somebody uses it, and pays on the day on which it is used: a bill is not paid before it was written, and
the statements of days that are past stay as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer, lock_customer_of
from billing.models import Wallet
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from billing.rules.wallets import credits_in, minor_to_credits
from invoicing.actions.payments import record_payment
from invoicing.actions.receipts import issue_receipt
from invoicing.actions.refund_sources import check_refund, note_return
from invoicing.actions.top_up import sell_credits
from invoicing.models import Invoice, Remittance, RemittanceReturn
from invoicing.queries.collecting import due_of
from invoicing.queries.receipts import RECEIVING, part_key
from invoicing.rules.splitting import Split, split

MOST_KEY = 150


@transaction.atomic
def receive(
    customer: Any,
    *,
    currency: str,
    amount_minor: int,
    chosen: Mapping[UUID, int] | None = None,
    only: bool = False,
    rest_to: Wallet | None = None,
    keep_rest: bool = False,
    expected: str | None = None,
    paid_at: datetime | None = None,
    reference: str = "",
    provider: str = "manual",
    key: str,
    by: Actor,
    at: datetime,
) -> Remittance:
    """Record one transfer, in minor units, over the customer's unpaid invoices in `currency`, the oldest first.

    `chosen`: amounts for some invoices (0 leaves one out); with `only` no other invoice gets anything. What is left
    buys credits of the wallet `rest_to`, or stays on account (`keep_rest`); Invalid (rest_undecided) when neither was
    said. `expected`: the split that the person saw (`Split.seen`); another one by now is a Conflict (split_changed),
    so two payments at once never pay one invoice twice. `key` makes a repeat harmless; another amount or customer
    under the same key is a Conflict.
    """
    check_key(key)
    customer = lock_customer(customer.pk)
    if customer.merged_into_id is not None:
        raise Conflict("This customer was merged into another one.", code="customer_merged")
    found = Remittance.objects.of(customer.organization_id).filter(key=key).first()
    if found is not None:
        if (found.customer_id, found.amount_minor, found.currency) != (customer.pk, amount_minor, currency):
            raise Conflict(
                "Another payment was recorded under this key.", code="payment_key_used", field="key"
            )
        return found
    parts = planned(customer, currency, amount_minor, chosen or {}, only=only)
    if expected is not None and expected != parts.seen:
        raise Conflict("What is due has changed meanwhile. Look again.", code="split_changed")
    if parts.rest_minor and rest_to is None and not keep_rest:
        rest = from_minor(parts.rest_minor, currency)
        raise Invalid(
            f"{rest:f} {currency} is more than is due: say what becomes of it.",
            code="rest_undecided",
            field="rest",
        )
    row = Remittance.objects.create(
        organization_id=customer.organization_id,
        customer=customer,
        currency=currency,
        amount_minor=amount_minor,
        provider=provider,
        reference=reference.strip()[:100],
        paid_at=paid_at or at,
        key=key,
    )
    audit.record(
        customer.organization,
        "remittance.received",
        row,
        by=by,
        at=at,
        customer=customer,
        changes={"amount_minor": (0, amount_minor)},
        reason=row.reference,
    )
    pay(row, parts, paid_at=row.paid_at, key=RECEIVING, by=by, at=at)
    if parts.rest_minor and rest_to is not None:
        buy_credits(row, rest_to, key=RECEIVING, by=by, at=at)
    issue_receipt(row, customer, at=at)
    return row


def planned(
    customer: Any, currency: str, amount_minor: int, chosen: Mapping[UUID, int], *, only: bool = False
) -> Split[UUID]:
    """How an amount would be spread now. One query."""
    due = due_of(customer, currency)
    if only:
        chosen = {key: 0 for key, _ in due} | dict(chosen)
    return split(amount_minor, due, chosen)


@transaction.atomic
def use_rest(
    remittance: Remittance,
    *,
    chosen: Mapping[UUID, int] | None = None,
    only: bool = False,
    expected: str | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> Remittance:
    """Pay invoices with what is on account, as `receive` does; what is left stays there. `key` makes a repeat
    harmless.
    """
    check_key(key)
    customer, row = locked(remittance)
    if row.payments.filter(key=part_key(row, key)).exists():
        return row
    if not row.left_minor:
        raise Invalid("Nothing of this payment is on account.", code="nothing_left")
    parts = planned(customer, row.currency, row.left_minor, chosen or {}, only=only)
    if not parts.parts:
        raise Invalid("No invoice in this currency is due.", code="nothing_due")
    if expected is not None and expected != parts.seen:
        raise Conflict("What is due has changed meanwhile. Look again.", code="split_changed")
    pay(row, parts, paid_at=at, key=key, by=by, at=at)
    return row


@transaction.atomic
def turn_into_credits(
    remittance: Remittance, wallet: Wallet, *, key: str, by: Actor, at: datetime
) -> Remittance:
    """Buy credits of a wallet for all that is on account. `key` makes a repeat harmless."""
    check_key(key)
    _, row = locked(remittance)
    if row.payments.filter(key=part_key(row, key)).exists():
        return row
    if not row.left_minor:
        raise Invalid("Nothing of this payment is on account.", code="nothing_left")
    buy_credits(row, wallet, key=key, by=by, at=at)
    return row


@transaction.atomic
def give_back_rest(
    remittance: Remittance,
    *,
    amount_minor: int | None = None,
    reason: str = "",
    reference: str = "",
    key: str,
    by: Actor,
    at: datetime,
) -> RemittanceReturn:
    """Note that money on account was sent back by hand (None: all of it). `key` makes a repeat harmless."""
    check_key(key)
    _, row = locked(remittance)
    found = RemittanceReturn.objects.filter(remittance=row, key=key).first()
    if found is not None:
        if amount_minor not in (None, found.amount_minor):
            raise Conflict(
                "Something else was given back under this key.", code="refund_key_used", field="key"
            )
        return found
    if row.refunds.filter(key=key).exists():
        raise Conflict("A provider was asked under this key.", code="refund_key_used", field="key")
    amount = check_refund(row, amount_minor)
    return note_return(row, amount, reason=reason, reference=reference, key=key, by=by, at=at)


def check_key(key: str) -> None:
    """Refuse a key that is longer than its column."""
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")


def locked(remittance: Remittance) -> tuple[Any, Remittance]:
    """The customer and the row, both locked."""
    customer = lock_customer_of(remittance)
    return customer, Remittance.objects.select_for_update(of=("self",)).get(pk=remittance.pk)


def pay(row: Remittance, parts: Split[UUID], *, paid_at: datetime, key: str, by: Actor, at: datetime) -> None:
    """Record the parts, and what they use of the transfer."""
    invoices = Invoice.objects.in_bulk(parts.parts)
    for invoice, minor in parts.parts.items():
        pay_part(row, invoices[invoice], minor, paid_at=paid_at, key=key, by=by, at=at)


def pay_part(
    row: Remittance,
    invoice: Invoice,
    minor: int,
    *,
    paid_at: datetime,
    key: str,
    by: Actor,
    at: datetime,
) -> None:
    """One part: the transfer's count first, so that the database refuses more than came."""
    row.applied_minor += minor
    row.save(update_fields=["applied_minor", "updated_at"])
    record_payment(
        invoice,
        amount_minor=minor,
        paid_at=paid_at,
        reference=row.reference,
        provider=row.provider,
        remittance=row,
        key=part_key(row, key),
        by=by,
        at=at,
    )


def buy_credits(row: Remittance, wallet: Wallet, *, key: str, by: Actor, at: datetime) -> None:
    """Bill credits of the wallet for what is on account, and pay that invoice with it. A rate at which not all of it
    buys whole credits leaves the remainder on account.
    """
    if (wallet.customer_id, wallet.currency) != (row.customer_id, row.currency):
        raise Invalid(f"This wallet is not the customer's in {row.currency}.", field="rest")
    credits = minor_to_credits(row.left_minor, wallet.rate, wallet.currency)
    worth = credits_in(credits, wallet.rate, wallet.currency)
    if not 0 < worth.minor <= row.left_minor:
        raise Invalid("Too little for credits of this wallet.", code="too_little_for_credits", field="rest")
    try:
        invoice = sell_credits(
            wallet,
            credits,
            key=part_key(row, key),
            description=f"Prepaid credits for {wallet}",
            by=by,
            at=at,
        )
    except Invalid as error:  # the wallet's limits
        raise Invalid(str(error), code=error.code, field="rest") from error
    pay_part(row, invoice, invoice.total_minor, paid_at=at, key=key, by=by, at=at)
