"""How payment requests end: by themselves when nothing is due any more, or because somebody said so.

Whatever settles an invoice calls `follow_requests` (through `past_due.follow_debts`) in its own transaction, with the
customer locked. Locks: customer, then requests by key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from billing.actions import audit
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.states import move
from invoicing.models import Invoice, PaymentRequest, RequestedInvoice
from invoicing.queries.payment_requests import asked_for, parts_of, request_payload
from invoicing.rules.payment_requests import REQUEST_MOVES, CloseReason, RequestStatus, outcome

EVENTS = {
    RequestStatus.SUCCEEDED: "payment_request.succeeded",
    RequestStatus.CANCELED: "payment_request.canceled",
    RequestStatus.FAILED: "payment_request.failed",
}


def follow_requests(customer: Any, *, by: Actor, at: datetime) -> None:
    """Close the open requests of a locked customer of which nothing is due any more. One query when none is open."""
    for row in PaymentRequest.objects.filter(customer_id=customer.pk).open().locked():
        ended = outcome(asked_for(parts_of(row)))
        if ended is not None:
            close(row, *ended, by=by, at=at)


def close(
    row: PaymentRequest,
    status: RequestStatus,
    reason: CloseReason,
    *,
    by: Actor,
    at: datetime,
    replaced_by: PaymentRequest | None = None,
    said: str = "",
) -> None:
    """End an open request that the caller has locked, and tell."""
    before = audit.snapshot(row, ["status"])
    move(REQUEST_MOVES, RequestStatus(row.status), status)
    row.status, row.close_reason, row.closed_at = status.value, reason.value, at
    row.replaced_by = replaced_by
    row.save(update_fields=["status", "close_reason", "closed_at", "replaced_by", "updated_at"])
    row.parts.update(open=False)
    audit.record(
        row.organization,
        EVENTS[status],
        row,
        by=by,
        at=at,
        customer=row.customer,
        changes=audit.differences(before, row),
        reason=said or row.get_close_reason_display(),
    )
    emit(row.organization, EVENTS[status], row, request_payload(row), at=at)


def note_refusal(invoices: Iterable[Invoice], reason: str, *, by: Actor, at: datetime) -> None:
    """A payment online for these invoices was refused: the open requests on which they stand have failed until they
    are paid or asked for again. The caller holds the customer.
    """
    mine = RequestedInvoice.objects.filter(invoice__in=list(invoices), open=True).values("request")
    rows = PaymentRequest.objects.filter(pk__in=mine)
    for row in rows.filter(status=RequestStatus.PENDING.value).locked():
        move(REQUEST_MOVES, RequestStatus.PENDING, RequestStatus.FAILED)
        row.status = RequestStatus.FAILED.value
        row.save(update_fields=["status", "updated_at"])
        changes = {"status": (RequestStatus.PENDING.value, row.status)}
        audit.record(
            row.organization,
            EVENTS[RequestStatus.FAILED],
            row,
            by=by,
            at=at,
            customer=row.customer,
            changes=changes,
            reason=reason,
        )
        emit(row.organization, EVENTS[RequestStatus.FAILED], row, request_payload(row), at=at)
