"""DELETE /api/customers/{id} and its preview."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja import Query
from typing_extensions import TypedDict

from billing.actions.clock import now
from billing.rules.money import from_minor
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.actions.delete import VOID, request_deletion
from customers.actions.foresee import Outcome, foresee_deletion
from customers.api.router import router
from customers.models import Customer
from customers.queries.deletion import Deletion, deletion_preview
from customers.queries.shapes import DeletionPreviewOut


class DeletionQuery(ApiSchema):
    """What becomes of unpaid invoices: void (default) or keep."""

    unpaid_invoices: str = VOID


def find(request: ApiRequest, id: str) -> Customer:
    """The customer, also while its deletion runs; 404 afterwards."""
    rows = Customer.objects.of(request.organization).kept().select_related("organization", "billing_entity")
    return cast(Customer, rows.by_public_id(id))


@router.get("/{id}/deletion-preview")
def preview(request: HttpRequest, id: str, query: Query[DeletionQuery]) -> Object[DeletionPreviewOut]:
    """What deleting the customer would do now: found by doing it and taking it back."""
    staff = cast(ApiRequest, request)
    customer, at = find(staff, id), now(staff.organization)
    found = deletion_preview(customer, at)
    outcome = foresee_deletion(customer, unpaid_invoices=query.unpaid_invoices, by=staff.actor, at=at)
    return envelope(deletion_payload(found, outcome))


def deletion_payload(found: Deletion, outcome: Outcome) -> DeletionPreviewOut:
    """The preview with amounts in major units, each in its own currency."""
    voided = {row.pk for row in outcome.voided}
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
        "unpaidInvoices": [
            {
                "id": row.public_id,
                "number": row.number,
                "currency": row.currency,
                "amountDue": from_minor(row.due_minor, row.currency),
                "voided": row.pk in voided,
            }
            for row in found.unpaid
        ],
        "issuedInvoices": [
            {
                "currency": item.currency,
                "fromDraft": item.from_draft,
                "total": from_minor(item.total_minor, item.currency),
                "credits": from_minor(item.credits_minor, item.currency),
                "amountDue": from_minor(item.due_minor, item.currency),
            }
            for item in outcome.issued
        ],
        "creditNotes": [
            {"currency": currency, "total": from_minor(minor, currency)}
            for currency, minor in outcome.credit_notes
        ],
        "unusedCredits": [
            {"currency": currency, "amount": from_minor(minor, currency)}
            for currency, minor in outcome.unused
        ],
        "portalLinks": outcome.portal_links,
        "paymentProviders": found.providers,
        "appliedCoupons": [row.public_id for row in found.coupons],
        "wallets": [
            {
                "id": row.public_id,
                "currency": row.currency,
                "balance": from_minor(row.balance_minor, row.currency),
                "lost": from_minor(outcome.lost.get(row.pk, 0), row.currency),
                "billed": from_minor(outcome.billed.get(row.pk, 0), row.currency),
            }
            for row in found.wallets_ending(outcome.wallets)
        ],
    }


class DeletedOut(TypedDict):
    """A deletion that goes on in the background."""

    id: str
    deleted: bool
    jobId: str


@router.delete("/{id}")
def delete(request: HttpRequest, id: str, query: Query[DeletionQuery]) -> Object[DeletedOut]:
    """Start the deletion; it is carried out step by step in the background. Asked for again
    meanwhile, it answers 200 with the same job."""
    staff = cast(ApiRequest, request)
    customer = find(staff, id)
    job = request_deletion(
        customer,
        unpaid_invoices=query.unpaid_invoices,
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope({"id": customer.public_id, "deleted": True, "jobId": job.public_id})
