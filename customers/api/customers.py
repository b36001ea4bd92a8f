"""/api/customers: the same actions as the pages. Deleting stands in `deletion.py`, on the same router."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Status

from billing.actions.clock import now
from billing.models import BillingEntity, Subscription, Tax
from billing.orm.search import matching
from billing.queries.payloads_subscriptions import subscription_payload
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, envelope, page_envelope
from customers.actions.customers import update_customer, upsert_customer
from customers.api.router import router
from customers.api.schemas import CustomerChanges, CustomerFilters, CustomerIn
from customers.models import Customer, CustomerStatus
from customers.queries.overview import customers_by_id, with_figures
from customers.queries.payloads import customer_payload
from invoicing.models import Invoice
from invoicing.queries.lists import visible
from invoicing.queries.payloads import invoice_payload, with_parts

SORTS = {
    "createdat": "created_at",
    "updatedat": "updated_at",
    "name": "name",
    "email": "email",
    "externalid": "external_id",
    "country": "country",
    "currency": "currency",
    "status": "status",
}


def kept(request: HttpRequest) -> QuerySet[Customer]:
    """The organization's customers that are neither deleted nor being deleted."""
    return Customer.objects.of(cast(ApiRequest, request).organization).present()


def answer(customer: Customer) -> dict[str, Any]:
    """The customer with its figures, fresh from the table."""
    return envelope(customer_payload(with_figures(Customer.objects.filter(pk=customer.pk)).get()))


def values_of(request: ApiRequest, body: CustomerChanges) -> dict[str, Any]:
    """The body by column, with billing entity (id or code) and taxes (codes) looked up."""
    values = body.columns()
    given = body.model_fields_set
    if "email" in given and not (body.email or "").strip():
        raise Invalid("Send an e-mail address.", code="required", field="email")
    if "billing_entity_id" in given and body.billing_entity_id:
        entities = BillingEntity.objects.of(request.organization).kept()
        key = decode("ent", body.billing_entity_id)
        found = entities.filter(pk=key) if key else entities.filter(code=body.billing_entity_id)
        values["billing_entity"] = found.first()
        if values["billing_entity"] is None:
            raise Invalid("There is no such billing entity.", code="unknown", field="billing_entity_id")
    if "tax_codes" in given:
        values["taxes"] = taxes_of(request, body.tax_codes or [])
    return values


def taxes_of(request: ApiRequest, codes: list[str]) -> list[Tax]:
    """The taxes with these codes; an unknown one is refused by name."""
    taxes = list(Tax.objects.of(request.organization).kept().filter(code__in=codes))
    missing = sorted(set(codes) - {tax.code for tax in taxes})
    if missing:
        raise Invalid(f"There is no tax {missing[0]}.", code="unknown", field="tax_codes")
    return taxes


@router.get("")
def list_customers(request: HttpRequest, filters: Query[CustomerFilters]) -> dict[str, Any]:
    """Newest first unless sorted otherwise. `email` is exact without case; `search` looks in names, e-mail
    and external ID.
    """
    organization = cast(ApiRequest, request).organization
    rows = Customer.objects.of(organization) if filters.with_deleted else kept(request)
    if filters.search:
        rows = matching(rows, filters.search)
    if filters.email:
        rows = rows.filter(email=filters.email.strip().lower())
    if filters.status:
        word = filters.status.strip().lower()
        if word not in CustomerStatus.values:
            raise Invalid("Use active or inactive.", field="status")
        rows = rows.filter(status=word)
    if filters.country:
        rows = rows.filter(country=filters.country.strip().upper())
    if filters.currency:
        rows = rows.filter(currency=filters.currency.strip().upper())
    keys = in_order(rows, filters).values("pk")
    found = page_envelope(keys, dict, page=filters.page, limit=filters.limit)
    loaded = customers_by_id(row["pk"] for row in found["data"])
    return found | {"data": [customer_payload(customer) for customer in loaded]}


def in_order(rows: QuerySet[Customer], filters: CustomerFilters) -> QuerySet[Customer]:
    """Sorted by a known column, ties by id."""
    name, direction = filters.order
    column = SORTS.get(name.replace("_", "").lower())
    if column is None:
        raise Invalid("Sort by createdAt, updatedAt, name, email or externalId.", field="sort_by")
    order = direction.strip().lower()
    if order not in {"asc", "desc"}:
        raise Invalid("Use asc or desc.", field="sort_order")
    sign = "-" if order == "desc" else ""
    return rows.order_by(f"{sign}{column}", f"{sign}pk")


@router.post("", response={200: dict[str, Any], 201: dict[str, Any]})
def create_customer(request: HttpRequest, body: CustomerIn) -> Status[dict[str, Any]]:
    """A new customer (201). An external ID that exists updates that customer (200); an e-mail that another
    customer has is 409.
    """
    staff = cast(ApiRequest, request)
    at = now(staff.organization)
    customer, new = upsert_customer(staff.organization, values_of(staff, body), by=staff.actor, at=at)
    return Status(201 if new else 200, answer(customer))


@router.get("/external/{path:reference}")
def get_by_external_id(request: HttpRequest, reference: str) -> dict[str, Any]:
    """The customer with this external ID."""
    return envelope(customer_payload(with_figures(kept(request)).get_or_404(external_id=reference)))  # type: ignore[attr-defined]


@router.get("/{id}")
def get_customer(request: HttpRequest, id: str) -> dict[str, Any]:
    """One customer."""
    return envelope(customer_payload(with_figures(kept(request)).by_public_id(id)))  # type: ignore[attr-defined]


@router.patch("/{id}")
def patch_customer(request: HttpRequest, id: str, body: CustomerChanges) -> dict[str, Any]:
    """Change the given fields."""
    staff = cast(ApiRequest, request)
    customer = kept(request).by_public_id(id)  # type: ignore[attr-defined]
    at = now(staff.organization)
    return answer(update_customer(customer, values_of(staff, body), by=staff.actor, at=at))


@router.get("/{id}/subscriptions")
def customer_subscriptions(request: HttpRequest, id: str, page: int = 1, limit: int = 20) -> dict[str, Any]:
    """The customer's subscriptions, newest first."""
    customer = kept(request).by_public_id(id)  # type: ignore[attr-defined]
    rows = Subscription.objects.filter(customer=customer).order_by("-created_at")
    loaded = rows.select_related("plan", "customer__billing_entity")
    return page_envelope(loaded, subscription_payload, page=page, limit=limit)


@router.get("/{id}/invoices")
def customer_invoices(request: HttpRequest, id: str, page: int = 1, limit: int = 20) -> dict[str, Any]:
    """The customer's invoices, newest first."""
    customer = kept(request).by_public_id(id)  # type: ignore[attr-defined]
    rows = with_parts(visible(Invoice.objects.filter(customer=customer)).order_by("-created_at"))
    return page_envelope(rows, invoice_payload, page=page, limit=limit)
