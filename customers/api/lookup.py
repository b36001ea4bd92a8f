"""Finding the customer that a path or a body names."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from billing.rules.errors import NotFound
from billing.rules.ids import decode, encode
from customers.models import Customer
from invoicing.queries.provider_links import customer_by_provider_id


def present(request: HttpRequest) -> Any:
    """The organization's customers that are neither deleted nor being deleted."""
    return Customer.objects.of(request.organization).present()  # type: ignore[attr-defined]


def present_customer(request: HttpRequest, id: str) -> Customer:
    """The customer with this id; 404 otherwise. One that has been merged answers with where it went."""
    try:
        found: Customer = present(request).select_related("organization").by_public_id(id)
    except Http404:
        if key := decode(Customer.PREFIX, id):
            refuse_merged(request, Customer.objects.filter(pk=key))
        raise
    return found


def customer_of_reference(request: HttpRequest, reference: str) -> Customer:
    """The customer that a payment provider knows under this id, else the one with this external ID."""
    known = customer_by_provider_id(request.organization, reference)  # type: ignore[attr-defined]
    if known is not None:
        return cast(Customer, known)
    try:
        found: Customer = present(request).select_related("organization").get_or_404(external_id=reference)
    except Http404:
        refuse_merged(request, Customer.objects.filter(external_id=reference))
        raise
    return found


def refuse_merged(request: HttpRequest, rows: QuerySet[Customer]) -> None:
    """A 404 with a pointer when one of these customers went into another."""
    mine = rows.filter(organization=request.organization, merged_into__isnull=False)  # type: ignore[attr-defined]
    merged = mine.order_by("-deleted_at").first()
    if merged is not None and merged.merged_into_id is not None:
        target = encode(Customer.PREFIX, merged.merged_into_id)
        raise NotFound(
            f"This customer has been merged into {target}.",
            code="customer_merged",
            details={"targetCustomerId": target},
        )
