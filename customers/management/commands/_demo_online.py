"""Payments of the demo that came online: what became of links and saved cards. No provider is asked anything: what
each would have answered is handed to the same actions that hear it otherwise.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.models import Organization
from billing.orm.actor import Actor
from customers.actions.customers import update_customer
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payment_requests import request_payment
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import ask_for_pdf
from invoicing.actions.refunds import refund_payment, send_rest_back
from invoicing.actions.told import told_card, told_declined, told_given_back, told_paid
from invoicing.models import Invoice, PaymentAttempt, PaymentMethod, PaymentProvider, PaymentRequest
from invoicing.queries.payment_requests import parts_of

DECLINED = "Your card has insufficient funds."
ENDS = ((2029, 4), (2030, 11), (2028, 8))


def make_online(organization: Organization, by: Actor, at: datetime) -> None:
    """Three customers with a saved card: one was charged and got something back, one whose bank said no, one who paid
    by a link after a refusal. And one that paid a whole request at once.
    """
    stripe = PaymentProvider.objects.of(organization).filter(type="stripe").order_by("created_at").first()
    unpaid = Invoice.objects.of(organization).filter(currency="UGX", customer__deleted_at=None).unpaid()
    rows = unpaid.exclude(dispute="open").select_related("customer")
    invoices = {row.customer_id: row for row in rows.filter(paid_minor=0).order_by("-issuing_on", "number")}
    if stripe is None or len(invoices) < len(ENDS):
        return
    paid, refused, healed = list(invoices.values())[: len(ENDS)]
    cards = [
        told_card(row.customer, stripe, f"demo_{n}", f"{4242 + n}", ends, at=at)
        for n, (row, ends) in enumerate(zip((paid, refused, healed), ENDS, strict=True))
    ]
    for row in (paid, refused):
        update_customer(row.customer, {"collect_automatically": True}, by=by, at=at)
    first = attempt_of(paid, stripe, cards[0], at - timedelta(days=2))
    told_paid(first, "pi_demo_1", at=at)
    told_declined(attempt_of(refused, stripe, cards[1], at - timedelta(days=1)), DECLINED, at=at)
    told_declined(attempt_of(healed, stripe, None, at - timedelta(hours=5)), "Your card was declined.", at=at)
    told_paid(attempt_of(healed, stripe, None, at - timedelta(hours=4), key="demo-2"), "pi_demo_3", at=at)
    first.refresh_from_db()
    if first.payment is not None:
        refund = refund_payment(
            first.payment,
            amount_minor=first.payment.amount_minor // 4,
            reason="The workshop was cut short",
            key="demo",
            by=by,
            at=at,
        )
        told_given_back(refund, first, "re_demo_1", at=at)
        ask_for_pdf(first.payment.receipt)
    pay_at_once(organization, stripe, by, at)


def pay_at_once(organization: Organization, account: PaymentProvider, by: Actor, at: datetime) -> None:
    """A payment request that was paid in one sum, after one of its invoices had been paid by bank transfer: that much
    is on account now, and half of it went back.
    """
    owing = Invoice.objects.of(organization).unpaid().values("customer")
    present = Customer.objects.of(organization).present().filter(currency="EUR").exclude(pk__in=owing)
    customer = present.exclude(email="").order_by("pk").first()
    if customer is None:
        return
    invoices = [
        create_one_off(
            customer,
            [Item(f"Training, day {day}", units=Decimal(1), unit_amount=Decimal(640))],
            finalize=True,
            by=by,
            at=at - timedelta(days=100 - 7 * day),
        )
        for day in (1, 2, 3)
    ]
    asked = request_payment(customer, currency="EUR", key="at-once", by=by, at=at - timedelta(days=1))
    attempt = attempt_of(asked, account, None, at - timedelta(hours=3))
    last = invoices[-1]
    record_payment(last, reference="SEPA 2291 0112", key="demo", by=by, at=at - timedelta(hours=2))
    attempt = told_paid(attempt, "pi_demo_4", at=at)
    if attempt.remittance is not None:
        part = attempt.remittance.left_minor // 2
        refund = send_rest_back(
            attempt.remittance, amount_minor=part, reason="Paid twice", key="demo", by=by, at=at
        )
        told_given_back(refund, attempt, "re_demo_2", at=at)


def attempt_of(
    subject: Invoice | PaymentRequest,
    account: PaymentProvider,
    method: PaymentMethod | None,
    at: datetime,
    key: str = "demo",
) -> PaymentAttempt:
    """An attempt as it stood before the provider answered; nobody is asked about it."""
    if isinstance(subject, PaymentRequest):
        due = sum(part.invoice.due_minor for part in parts_of(subject))
        of: dict[str, Any] = {"request": subject}
    else:
        due, of = subject.due_minor, {"invoice": subject}
    row = PaymentAttempt.objects.create(
        organization=subject.organization,
        **of,
        customer=subject.customer,
        provider=account,
        method=method,
        amount_minor=due,
        currency=subject.currency,
        key=key,
    )
    PaymentAttempt.objects.filter(pk=row.pk).update(created_at=min(at, timezone.now()))
    return row
