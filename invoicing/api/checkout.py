"""/api/invoices/{id}/checkout: where an invoice can be paid online."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from ninja import Router

from billing.actions.clock import now
from billing.web.api import ApiRequest, action_key, envelope
from billing.web.shapes import Object
from invoicing.actions.paying import open_checkout
from invoicing.forms.returning import ReturnIn, return_url
from invoicing.models import Invoice
from invoicing.queries.lists import visible
from invoicing.queries.paying import attempt_payload
from invoicing.queries.shapes_collecting import PaymentAttemptOut

router = Router(tags=["Invoices"])


@router.post("/{id}/checkout", response={201: dict[str, Any]})
def checkout(
    request: HttpRequest, id: str, body: ReturnIn | None = None
) -> tuple[int, Object[PaymentAttemptOut]]:
    """Where what is due can be paid: the open link for this amount or a new one. `checkoutUrl` is empty where the
    customer is asked on the phone; `note` says so. 400 when nothing is due, no account can take it or the provider
    refuses; 502 when none is available.
    """
    staff = cast(ApiRequest, request)
    target = return_url(body)
    invoice = cast(Invoice, visible(Invoice.objects.of(staff.organization)).by_public_id(id))  # type: ignore[attr-defined]
    attempt = open_checkout(
        invoice,
        return_url=target,
        key=action_key(request),
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(attempt_payload(attempt))
