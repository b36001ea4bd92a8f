"""DELETE /api/customers/{id} and its preview."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from ninja import Query

from billing.actions.clock import now
from billing.rules.money import from_minor
from billing.web.api import ApiRequest, ApiSchema, envelope
from customers.actions.delete import VOID, request_deletion
from customers.api.router import router
from customers.models import Customer
from customers.queries.deletion import Deletion, deletion_preview


class DeletionQuery(ApiSchema):
    """What becomes of unpaid invoices: void (default) or keep."""

    unpaid_invoices: str = VOID


def find(request: ApiRequest, id: str) -> Customer:
    """The customer, also while its deletion runs; 404 afterwards."""
    rows = Customer.objects.of(request.organization).kept().select_related("organization", "billing_entity")
    return cast(Customer, rows.by_public_id(id))


@router.get("/{id}/deletion-preview")
def preview(request: HttpRequest, id: str) -> dict[str, Any]:
    """What deleting the customer would do now."""
    staff = cast(ApiRequest, request)
    return envelope(deletion_payload(deletion_preview(find(staff, id), now(staff.organization))))


def deletion_payload(found: Deletion) -> dict[str, Any]:
    """The preview with amounts in major units."""
    currency = found.customer.currency
    return {
        "customerId": found.customer.public_id,
        "subscriptions": [
            {
                "id": item.subscription.public_id,
                "currency": item.currency,
                "unbilledAmount": from_minor(item.unbilled_minor, item.currency),
            }
            for item in found.subscriptions
        ],
        "pendingSubscriptions": [row.public_id for row in found.pending],
        "draftInvoices": [row.public_id for row in found.drafts],
        "unpaidInvoices": [row.public_id for row in found.unpaid],
        "unpaidAmount": from_minor(found.unpaid_minor, currency),
        "appliedCoupons": [row.public_id for row in found.coupons],
        "wallets": [row.public_id for row in found.wallets],
        "lostCredits": from_minor(found.lost_credits_minor, currency),
        "currency": currency,
    }


@router.delete("/{id}")
def delete(request: HttpRequest, id: str, query: Query[DeletionQuery]) -> dict[str, Any]:
    """Start the deletion; it is carried out step by step in the background. Twice is once."""
    staff = cast(ApiRequest, request)
    customer = find(staff, id)
    job = request_deletion(
        customer,
        unpaid_invoices=query.unpaid_invoices,
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope({"id": customer.public_id, "deleted": True, "jobId": job.public_id})
