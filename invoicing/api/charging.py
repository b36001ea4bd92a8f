"""/api/invoices/{id}/charge: charge a saved payment method."""

from __future__ import annotations

from typing import Annotated, Any, cast

from django.http import HttpRequest
from ninja import Router
from typing_extensions import TypedDict

from billing.rules.errors import Invalid
from billing.rules.words import Words
from billing.web.api import ApiRequest, action_key, envelope
from billing.web.shapes import Object
from invoicing.actions.collecting import ask_to_charge
from invoicing.models import Invoice
from invoicing.queries.lists import visible

router = Router(tags=["Invoices"])


class QueuedOut(TypedDict):
    """That it will be tried."""

    invoiceId: str
    status: Annotated[str, Words("queued")]


@router.post("/{id}/charge", response={202: dict[str, Any]})
def charge(request: HttpRequest, id: str) -> tuple[int, Object[QueuedOut]]:
    """Have what is due charged to the customer's saved payment method, without asking. 400 when nothing is due or
    nothing is saved. How it went stands in `payment.successful` and `payment.failed`; `Idempotency-Key` makes a
    repeat harmless.
    """
    staff = cast(ApiRequest, request)
    rows = visible(Invoice.objects.of(staff.organization)).select_related("organization")
    invoice = cast(Invoice, rows.by_public_id(id))  # type: ignore[attr-defined]
    if not invoice.due_minor:
        raise Invalid("Nothing is due of this invoice.", code="invoice_paid")
    job = ask_to_charge(invoice, key=action_key(request))
    if job is None:
        raise Invalid("This customer has no saved payment method.", code="no_method")
    return 202, envelope({"invoiceId": invoice.public_id, "status": "queued"})
