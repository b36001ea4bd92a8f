"""/api/customers/{id}/payments: what a customer paid, and money for several invoices at once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, cast

from django.http import HttpRequest
from ninja import Field, Query

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, action_key, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.api.lookup import present_customer
from customers.api.router import router
from invoicing.actions.remittances import receive
from invoicing.forms.transfers import PartIn, came_at, parts_of, wallet_of
from invoicing.models import Payment
from invoicing.queries.payloads import payment_payload
from invoicing.queries.payloads_collecting import remittance_payload
from invoicing.queries.shapes import PaymentOut
from invoicing.queries.shapes_collecting import RemittanceOut
from invoicing.rules.amounts import minor_of


class ReceiveIn(ApiSchema):
    """One transfer, in major units. `invoices` says which get how much; without it the unpaid ones are paid, the
    oldest first. What is left buys credits of `walletId`, or stays on account (`rest`: "account").
    """

    amount: Decimal
    currency: str | None = None
    invoices: list[PartIn] | None = None
    wallet_id: str | None = None
    rest: Literal["account"] | None = None
    provider: str = Field("manual", max_length=30)
    reference: str = Field("", max_length=100)
    paid_at: datetime | None = None


class PaymentsQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"paidAt": "paid_at", "createdAt": "created_at", "amount": "amount_minor"}


@router.get("/{id}/payments")
def customer_payments(request: HttpRequest, id: str, filters: Query[PaymentsQuery]) -> Listing[PaymentOut]:
    """The customer's payments, newest first."""
    rows = Payment.objects.filter(customer=present_customer(request, id))
    return listed(request, rows, payment_payload, filters)


@router.post("/{id}/payments", response={201: dict[str, Any]})
def receive_payment(request: HttpRequest, id: str, body: ReceiveIn) -> tuple[int, Object[RemittanceOut]]:
    """Record one transfer over several invoices; 400 rest_undecided when more came than is due and nothing says what
    becomes of the rest. `Idempotency-Key` makes a repeat harmless.
    """
    staff = cast(ApiRequest, request)
    customer = present_customer(request, id)
    currency = (body.currency or customer.currency).strip().upper()
    chosen = parts_of(body.invoices, currency)
    at = now(staff.organization)
    row = receive(
        customer,
        currency=currency,
        amount_minor=minor_of(body.amount, currency, "amount"),
        chosen=chosen,
        only=chosen is not None,
        rest_to=wallet_of(request, body.wallet_id, customer.pk),
        keep_rest=body.rest is not None,
        paid_at=came_at(body.paid_at, at),
        reference=body.reference,
        provider=body.provider.strip().lower() or "manual",
        key=action_key(request),
        by=staff.actor,
        at=at,
    )
    return 201, envelope(remittance_payload(row))
