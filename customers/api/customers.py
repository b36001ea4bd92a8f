"""/api/customers: the same actions as the pages. Deleting stands in `deletion.py`, on the same router."""

from __future__ import annotations

import re
from typing import Any, cast

from django.http import HttpRequest
from ninja import Query, Status

from billing.actions.clock import now
from billing.models import BillingEntity, Subscription, Tax
from billing.orm.metadata import with_value
from billing.orm.search import matching
from billing.queries.payloads_subscriptions import subscription_payload
from billing.queries.shapes import SubscriptionOut
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.words import word_of
from billing.web.api import ApiRequest, envelope
from billing.web.api_lists import ListQuery, cursor_of, listed, order_of, window
from billing.web.exporting import exportable
from billing.web.shapes import Listing, Meta, Object
from customers.actions.customers import update_customer, upsert_customer
from customers.api.lookup import customer_of_reference, present, present_customer
from customers.api.router import router
from customers.api.schemas import CUSTOMER_SORTS, CustomerChanges, CustomerFilters, CustomerIn
from customers.models import Customer, CustomerStatus
from customers.queries.payloads import payload_of, payloads
from customers.queries.shapes import CustomerOut
from customers.queries.tags import tagged_with_all
from invoicing.models import Invoice
from invoicing.queries.lists import visible
from invoicing.queries.payloads import invoice_payload, with_parts
from invoicing.queries.shapes import InvoiceOut

MAX_OFFSET = 10**9
METADATA = re.compile(r"metadata\[(.{1,100})\]")


def answer(customer: Customer) -> Object[CustomerOut]:
    """The customer with its figures, fresh from the table."""
    return envelope(payload_of(customer))


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
def list_customers(request: HttpRequest, filters: Query[CustomerFilters]) -> Listing[CustomerOut]:
    """Newest first unless sorted otherwise. `email` is exact without case; `search` looks in names, e-mail, IDs,
    tax numbers, phone and tags; `tags=a,b` finds who has both; `metadata[key]=value` who has that pair.

    Pages by `page` (or `offset`) and `limit`, or by `cursor`: the `nextCursor` of the page before. Customers that are
    added meanwhile neither repeat nor hide others.
    """
    rows = narrowed(request, filters).only("pk", *{term.lstrip("-") for term in CUSTOMER_SORTS.values()})
    if filters.offset is None:
        page, meta = window(request, rows, filters)
    else:
        page, meta = from_offset(request, rows, filters)
    organization = cast(ApiRequest, request).organization
    return {"data": payloads(organization, [row.pk for row in page]), "meta": meta}


def from_offset(request: HttpRequest, rows: Any, filters: CustomerFilters) -> tuple[list[Any], Meta]:
    """As `window`, from any row on; `page` is the one that the first row stands on."""
    offset, limit = filters.offset or 0, filters.limit
    if not 0 <= offset <= MAX_OFFSET:
        raise Invalid(f"Use an offset from 0 to {MAX_OFFSET:,}.", field="offset")
    at = filters.model_copy(update={"page": offset // max(limit, 1) + 1, "cursor": ""})
    _, meta = window(request, rows, at)
    found = list(rows.order_by(*order_of(filters).columns)[offset : offset + limit])
    more = offset + len(found) < meta["total"]
    meta["nextCursor"] = cursor_of(found[-1], order_of(filters)) if found and more else None
    meta["offset"] = offset
    return found, meta


def narrowed(request: HttpRequest, filters: CustomerFilters) -> Any:
    """The customers that the query asks for, without order."""
    organization = cast(ApiRequest, request).organization
    rows: Any = Customer.objects.of(organization) if filters.include_deleted else present(request)
    if filters.search:
        rows = matching(rows, filters.search)
    if filters.email:
        rows = rows.filter(email=filters.email.strip().lower())
    if filters.status:
        rows = rows.filter(status=word_of(filters.status, CustomerStatus.values, "status"))
    if filters.country:
        rows = rows.filter(country=filters.country.strip().upper())
    if filters.currency:
        rows = rows.filter(currency=filters.currency.strip().upper())
    if filters.tags:
        rows = tagged_with_all(rows, organization, filters.tags.split(","))
    for name, value in request.GET.items():
        if pair := METADATA.fullmatch(name):
            rows = rows.filter(with_value(pair[1], str(value)))
    return rows


@router.post("", response={200: dict[str, Any], 201: dict[str, Any]})
def create_customer(request: HttpRequest, body: CustomerIn) -> Status[Object[CustomerOut]]:
    """A new customer (201). An external ID that exists updates that customer (200); an e-mail that another
    customer has is 409.
    """
    customer, new = upsert(cast(ApiRequest, request), body)
    return Status(201 if new else 200, answer(customer))


def upsert(request: ApiRequest, body: CustomerIn) -> tuple[Customer, bool]:
    """The customer of a body, and whether it is new."""
    return upsert_customer(
        request.organization,
        values_of(request, body),
        reason=body.reason or "",
        check_vat=body.auto_validate_vat,
        provider_ids=body.provider_customer_ids,
        by=request.actor,
        at=now(request.organization),
    )


@router.get("/external/{path:reference}")
def get_by_external_id(request: HttpRequest, reference: str) -> Object[CustomerOut]:
    """The customer that a payment provider knows under this id, else the one with this external ID."""
    return answer(customer_of_reference(request, reference))


@router.get("/{id}")
def get_customer(request: HttpRequest, id: str) -> Object[CustomerOut]:
    """One customer. One that has been merged is 404 with `targetCustomerId`."""
    return answer(present_customer(request, id))


@router.patch("/{id}")
def patch_customer(request: HttpRequest, id: str, body: CustomerChanges) -> Object[CustomerOut]:
    """Change the given fields. The mode has its own operation."""
    staff = cast(ApiRequest, request)
    customer = present_customer(request, id)
    if "mode" in body.model_fields_set:
        text = "The mode is not changed here: use POST /customers/{id}/mode with a reason."
        raise Invalid(text, code="mode_has_its_own_door", field="mode")
    changed = update_customer(
        customer,
        values_of(staff, body),
        reason=body.reason or "",
        check_vat=body.auto_validate_vat,
        provider_ids=body.provider_customer_ids,
        by=staff.actor,
        at=now(staff.organization),
    )
    return answer(changed)


@router.get("/{id}/subscriptions")
def customer_subscriptions(
    request: HttpRequest, id: str, filters: Query[ListQuery]
) -> Listing[SubscriptionOut]:
    """The customer's subscriptions, newest first."""
    customer = present_customer(request, id)
    rows = Subscription.objects.filter(customer=customer)
    loaded = rows.select_related("plan", "customer__billing_entity")
    return listed(request, loaded, subscription_payload, filters)


@router.get("/{id}/invoices")
def customer_invoices(request: HttpRequest, id: str, filters: Query[ListQuery]) -> Listing[InvoiceOut]:
    """The customer's invoices, newest first."""
    customer = present_customer(request, id)
    rows = with_parts(visible(Invoice.objects.filter(customer=customer)))
    return listed(request, rows, invoice_payload, filters)


exportable("customers", CustomerFilters, narrowed, "customers")
