"""/api/payments."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices

from billing.actions.clock import now
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.words import Words, id_of, word_of
from billing.web.api import ApiRequest, ApiSchema, action_key, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.exporting import exportable
from billing.web.shapes import Listing, Object
from invoicing.actions.payments import record_payment
from invoicing.actions.refunds import refund_payment
from invoicing.forms.transfers import came_at
from invoicing.models import Invoice, Payment
from invoicing.queries.lists import PAYMENT_WORDS, payments_with_status
from invoicing.queries.narrow import in_moments
from invoicing.queries.payloads import payment_payload, refund_payload
from invoicing.queries.shapes import PaymentOut, RefundOut
from invoicing.rules.amounts import minor_of
from invoicing.rules.states import PaymentState

STATES = (*PaymentState, "refunding", "refund_failed")
router = Router(tags=["Payments"])


class PaymentIn(ApiSchema):
    """A payment that was received outside of Tarn; without `amount` everything that is due."""

    invoice_id: str
    amount: Decimal | None = None
    currency: str | None = None
    provider: str = Field("manual", max_length=30)
    reference: str = Field(
        "",
        max_length=100,
        validation_alias=AliasChoices("reference", "providerTransactionId"),
        serialization_alias="reference",
    )
    paid_at: datetime | None = None
    status: str = PaymentState.SUCCESSFUL.value


class RefundIn(ApiSchema):
    """Money to give back; without `amount` all that is left of the payment. What came online is sent back by its
    provider, unless it was sent otherwise already (`byHand`).
    """

    amount: Decimal | None = None
    reason: str = Field("", max_length=500)
    reference: str = Field("", max_length=100)
    by_hand: bool = False


class ReceivedQuery(ListQuery):
    """A page of payments."""

    SORTS: ClassVar = {
        "paidAt": "paid_at",
        "createdAt": "created_at",
        "amount": "amount_minor",
        "status": "status",
    }


class Filters(ReceivedQuery):
    """What the list can be narrowed to."""

    status: Annotated[str | None, Words(*STATES)] = None
    provider: str | None = None
    currency: str | None = None
    customer_id: str | None = None
    invoice_id: str | None = None
    date_from: date | None = None
    date_to: date | None = None


@router.get("")
def list_payments(request: HttpRequest, filters: Query[Filters]) -> Listing[PaymentOut]:
    """Newest first. `status` in any case, with the words of other systems; days are the organization's."""
    return listed(request, narrowed(cast(ApiRequest, request), filters), payment_payload, filters)


def narrowed(request: ApiRequest, filters: Filters) -> Any:
    """The payments that the query asks for, without order."""
    rows: Any = Payment.objects.of(request.organization)
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.invoice_id:
        rows = rows.filter(invoice_id=id_of("inv", filters.invoice_id, "invoice_id"))
    if filters.provider:
        rows = rows.filter(provider=filters.provider.strip().lower())
    if filters.status:
        rows = payments_with_status(rows, word_of(filters.status, STATES, "status", PAYMENT_WORDS))
    if filters.currency:
        rows = rows.filter(currency=filters.currency.strip().upper())
    days = {"received_from": filters.date_from, "received_to": filters.date_to}
    given = {name: day for name, day in days.items() if day}
    return in_moments(rows, given, "received", "paid_at", ZoneInfo(request.organization.timezone))


exportable("payments", Filters, narrowed, "payments")


@router.post("", response={201: dict[str, Any]})
def create_payment(request: HttpRequest, body: PaymentIn) -> tuple[int, Object[PaymentOut]]:
    """Record a payment by hand. `Idempotency-Key` makes a repeat harmless."""
    staff = cast(ApiRequest, request)
    key = decode("inv", body.invoice_id)
    invoice = Invoice.objects.of(staff.organization).filter(pk=key).first() if key else None
    if invoice is None:
        raise Invalid("There is no such invoice.", code="invoice_not_found", field="invoice_id")
    if body.currency and body.currency.strip().upper() != invoice.currency:
        raise Invalid(
            f"The invoice is in {invoice.currency}.", code="currencies_do_not_match", field="currency"
        )
    word = body.status.strip().lower()
    if PAYMENT_WORDS.get(word, word) != PaymentState.SUCCESSFUL.value:
        raise Invalid("Only a successful payment can be recorded.", field="status")
    at = now(staff.organization)
    payment = record_payment(
        invoice,
        amount_minor=None if body.amount is None else minor_of(body.amount, invoice.currency, "amount"),
        paid_at=came_at(body.paid_at, at),
        reference=body.reference,
        provider=body.provider.strip().lower() or "manual",
        key=action_key(request),
        by=staff.actor,
        at=at,
    )
    return 201, envelope(payment_payload(payment))


@router.get("/{id}")
def get_payment(request: HttpRequest, id: str) -> Object[PaymentOut]:
    """One payment."""
    rows = Payment.objects.of(cast(ApiRequest, request).organization)
    return envelope(payment_payload(rows.by_public_id(id)))


@router.post("/{id}/refund", response={201: dict[str, Any]})
def refund(request: HttpRequest, id: str, body: RefundIn | None = None) -> tuple[int, Object[RefundOut]]:
    """Give money back, also after the customer was deleted: through the provider that it came by (the refund is
    pending then), else it is noted that it went. `Idempotency-Key` makes a repeat harmless.
    """
    staff = cast(ApiRequest, request)
    payment = Payment.objects.of(staff.organization).by_public_id(id)
    wanted = body or RefundIn(reason="", reference="")
    made = refund_payment(
        payment,
        amount_minor=None if wanted.amount is None else minor_of(wanted.amount, payment.currency, "amount"),
        reason=wanted.reason,
        reference=wanted.reference,
        by_hand=wanted.by_hand,
        key=action_key(request),
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(refund_payload(made))
