"""/api/payment-requests: demands for several overdue invoices at once."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, cast

from django.apps import apps
from django.http import HttpRequest
from ninja import Field, Query, Router

from billing.actions.clock import now
from billing.models import BillingEntity
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.words import Words, id_of, word_of
from billing.web.api import ApiRequest, ApiSchema, action_key, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from invoicing.actions.paying import open_checkout
from invoicing.actions.payment_requests import ask_again, request_payment, withdraw_request
from invoicing.forms.returning import ReturnIn, return_url
from invoicing.models import PaymentRequest
from invoicing.queries.mail_facts import address_of
from invoicing.queries.paying import attempt_payload
from invoicing.queries.payment_requests import WITH_PARTS, request_payload
from invoicing.queries.shapes_collecting import PaymentAttemptOut, PaymentRequestOut
from invoicing.rules.payment_requests import OPEN_VALUES, RequestStatus

router = Router(tags=["Payments"])
WORDS = {"paid": "succeeded", "successful": "succeeded", "cancelled": "canceled"}


class RequestIn(ApiSchema):
    """Whom to ask for what: the customer's overdue invoices in a currency, or only `invoiceIds`. Mailed to its
    address unless `send` is false.
    """

    customer_id: str
    currency: str | None = None
    billing_entity_id: str | None = None
    invoice_ids: list[str] | None = Field(None, max_length=100)
    send: bool = True
    to: list[str] | None = None
    language: str = Field("", max_length=10)
    note: str = Field("", max_length=1000)
    attach_invoices: bool = True


class AgainIn(ApiSchema):
    """One more e-mail about an open request."""

    to: list[str] | None = None
    note: str = Field("", max_length=1000)
    attach_invoices: bool = True


class WithdrawIn(ApiSchema):
    """Why it is taken back."""

    reason: str = Field("", max_length=500)


class Filters(ListQuery):
    """What the list can be narrowed to; `status` also takes `open`."""

    SORTS: ClassVar = {"requestedAt": "requested_at", "createdAt": "created_at", "amount": "amount_minor"}

    status: Annotated[str | None, Words("open", *RequestStatus)] = None
    customer_id: str | None = None
    invoice_id: str | None = None


def rows_of(request: HttpRequest) -> Any:
    """The organization's requests."""
    rows = PaymentRequest.objects.of(cast(ApiRequest, request).organization)
    return rows.select_related("customer__billing_entity", "billing_entity__organization")


@router.get("")
def list_payment_requests(request: HttpRequest, filters: Query[Filters]) -> Listing[PaymentRequestOut]:
    """Newest first."""
    rows = rows_of(request)
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.invoice_id:
        rows = rows.filter(parts__invoice_id=id_of("inv", filters.invoice_id, "invoice_id"))
    if filters.status:
        word = word_of(filters.status, ("open", *RequestStatus), "status", WORDS)
        rows = rows.filter(status__in=OPEN_VALUES if word == "open" else [word])
    return listed(request, rows.prefetch_related(WITH_PARTS), request_payload, filters)


@router.post("", response={201: dict[str, Any]})
def create_payment_request(request: HttpRequest, body: RequestIn) -> tuple[int, Object[PaymentRequestOut]]:
    """Ask for overdue invoices. `Idempotency-Key` makes a repeat harmless. An older open request for one of them is
    replaced.
    """
    staff = cast(ApiRequest, request)
    customers = apps.get_model("customers", "Customer").objects.of(staff.organization).present()
    key = decode("cust", body.customer_id)
    customer = customers.filter(pk=key).select_related("billing_entity").first() if key else None
    if customer is None:
        raise Invalid("There is no such customer.", code="customer_not_found", field="customer_id")
    made = request_payment(
        customer,
        currency=(body.currency or customer.currency).strip().upper(),
        entity=entity_of(staff, body.billing_entity_id),
        chosen=chosen_of(body.invoice_ids),
        to=recipients(customer, body.to) if body.send else (),
        language=body.language,
        note=body.note,
        attach=body.attach_invoices,
        key=f"api:{action_key(request)}",
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(request_payload(made))


def entity_of(request: ApiRequest, id: str | None) -> BillingEntity | None:
    """The billing entity that was named."""
    if id is None:
        return None
    key = decode("ent", id)
    found = BillingEntity.objects.of(request.organization).filter(pk=key).first() if key else None
    if found is None:
        raise Invalid("There is no such billing entity.", code="unknown", field="billing_entity_id")
    return found


def chosen_of(ids: list[str] | None) -> list[Any] | None:
    """The keys of the invoices; one that is no id is named."""
    if ids is None:
        return None
    keys = [decode("inv", text) for text in ids]
    for index, key in enumerate(keys):
        if key is None:
            raise Invalid("This is no id of an invoice.", code="unknown", field=f"invoice_ids[{index}]")
    return keys


def recipients(customer: Any, to: list[str] | None) -> list[str]:
    """Those that were named, else the customer's own address."""
    found = [address_of(customer)] if to is None else to
    if not any(found):
        raise Invalid(
            "The customer has no e-mail address: name one, or ask without an e-mail (send: false).",
            code="required",
            field="to",
        )
    return found


@router.get("/{id}")
def get_payment_request(request: HttpRequest, id: str) -> Object[PaymentRequestOut]:
    """One request."""
    return envelope(request_payload(rows_of(request).by_public_id(id)))


@router.post("/{id}/send")
def send_payment_request(
    request: HttpRequest, id: str, body: AgainIn | None = None
) -> Object[PaymentRequestOut]:
    """Mail what is still due of it once more; 409 request_closed, in_dispute. `Idempotency-Key` makes a repeat
    harmless.
    """
    staff = cast(ApiRequest, request)
    row: PaymentRequest = rows_of(request).by_public_id(id)
    given = body or AgainIn(to=None, note="")
    asked = ask_again(
        row,
        to=recipients(row.customer, given.to),
        note=given.note,
        attach=given.attach_invoices,
        key=f"api:{action_key(request)}",
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope(request_payload(asked))


@router.post("/{id}/checkout", response={201: dict[str, Any]})
def checkout(
    request: HttpRequest, id: str, body: ReturnIn | None = None
) -> tuple[int, Object[PaymentAttemptOut]]:
    """Where all that is due of it can be paid in one sum; what comes is spread over its invoices, the oldest first.
    As `POST /invoices/{id}/checkout`; 409 request_closed, in_dispute.
    """
    staff = cast(ApiRequest, request)
    attempt = open_checkout(
        rows_of(request).by_public_id(id),
        return_url=return_url(body),
        key=action_key(request),
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(attempt_payload(attempt))


@router.post("/{id}/withdraw")
def withdraw(request: HttpRequest, id: str, body: WithdrawIn | None = None) -> Object[PaymentRequestOut]:
    """Take an open request back; its invoices stay as they are."""
    staff = cast(ApiRequest, request)
    row = withdraw_request(
        rows_of(request).by_public_id(id),
        reason=body.reason if body else "",
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope(request_payload(row))
