"""The customers list: what the address asks for, in which order, with which columns, and the views that are saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, QueryDict
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing.actions.clock import now
from billing.models import Organization
from billing.orm.windows import CAP, Order, Window, capped_count, found_at_once, numbered, walked
from billing.web.access import access, may
from billing.web.formats import units_text
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import PER_PAGE
from billing.web.requests import StaffRequest
from billing.web.saved_lists import (
    Columns,
    SavedList,
    columns_of,
    essence,
    place,
    register,
    saved_view,
    tidy,
    views_bar,
)
from customers.forms.filters import Filters
from customers.models import Customer, CustomField
from customers.queries.custom_fields import custom_fields, shown
from customers.queries.list_rows import listed
from customers.queries.narrow import Narrowed, narrowed
from customers.rules.bulk import ACTS
from customers.rules.list_columns import USUAL, own_column, with_own
from customers.views.frame import customer_url

SORTS = {
    "name": "name",
    "email": "email",
    "external_id": "external_id",
    "currency": "currency",
    "created": "created_at",
}
DEFAULT_SORT = "-created"
DEEPEST = 500  # the last page that a number reaches in a list that is not counted to its end


@dataclass(frozen=True)
class Listing:
    """What the address asks for: the rows in both shapes, the form, and the fields of the organization."""

    found: Narrowed
    form: Filters
    fields: list[CustomField]

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered or searched."""
        return bool(self.form.values)


def listing(organization: Organization, query: QueryDict) -> Listing:
    """Customers that are not deleted, narrowed by the address."""
    fields = custom_fields(organization)
    form = Filters(query, organization, fields)
    today = timezone.localtime(now(organization)).date()
    return Listing(narrowed(organization, form.conditions(), fields, today=today), form, fields)


@require_GET
@access("customers.view")
def customers(request: StaffRequest) -> HttpResponse:
    """The list: search, filters, order, columns and place come from the URL."""
    organization, query = request.organization, request.GET
    view = saved_view(request.member, SAVED, query.get("view", ""))
    asked = listing(organization, query)
    sort = sort_of(query)
    window = window_of(asked, sort, query)
    columns = columns_of(request.member, SAVED, query, list_columns(organization, asked.fields))
    keys = {column.key for column in columns}
    today = timezone.localtime(now(organization)).date()
    on_list = [field for field in asked.fields if f"field_{field.code}" in keys]
    editor = may(request.member, "customers.edit")
    context = {
        "window": window,
        "total": units_text(window.count) + ("+" if window.more else ""),
        "previous_url": place(query, window.previous),
        "next_url": place(query, window.following),
        "filters": asked.form,
        "chips": asked.form.chips(query),
        "narrowed": asked.narrowed,
        "sort": query.get("sort", ""),
        "kept": [(name, query[name]) for name in ("sort", "view", "columns") if query.get(name)],
        "columns": columns,
        "add_url": reverse("customer-add") if editor else "",
        "acts": ACTS.values() if editor else [],
        "merge_url": url_if_any("customer-merge-pair") if editor else "",
        "query": essence(query, SAVED.several),
        "rows": [
            row_of(customer, request, on_list)
            for customer in listed(
                organization, window.keys, keys, today, {tag.pk: tag for tag in asked.form.tag_list}
            )
        ],
        "export_url": reverse("customers-export"),
        **views_bar(request, SAVED, view, query),
    }
    partials = ("customer-table",)
    response = render_page(request, "customers/list.html", context, partials=partials)
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(query, request.path, SAVED.several)
    return response


def sort_of(query: QueryDict) -> Order:
    """The order that `?sort=` asks for, else the newest first."""
    wanted = query.get("sort") or DEFAULT_SORT
    if wanted.removeprefix("-") not in SORTS:
        wanted = DEFAULT_SORT
    return Order(SORTS[wanted.removeprefix("-")], wanted.startswith("-"))


def window_of(asked: Listing, order: Order, query: QueryDict) -> Window:
    """The rows to show. Few are sorted after they were found; many are met along the order's index."""
    page = query.get("page", "")
    if asked.found.costly:
        window = found_at_once(asked.found.rows, order, page, size=PER_PAGE)
        if window is not None:
            return window
    elif (count := capped_count(asked.found.rows)) <= CAP:
        return numbered(asked.found.rows, order, count, page, size=PER_PAGE, indexed=not asked.narrowed)
    if page.isdecimal() and 1 < int(page[:9]) <= DEEPEST and not query.get("cursor"):
        return numbered(asked.found.walk, order, CAP, page, size=PER_PAGE, indexed=True, more=True)
    return walked(asked.found.walk, order, query.get("cursor", ""), size=PER_PAGE, count=CAP)


def list_columns(organization: Organization, fields: list[CustomField] | None = None) -> Columns:
    """All columns of the list, and the usual ones with the custom fields that stand on it."""
    fields = custom_fields(organization) if fields is None else fields
    every = with_own([own_column(field.code, field.name, field.kind) for field in fields])
    return every, [*USUAL, *(f"field_{field.code}" for field in fields if field.on_list)]


SAVED = register(
    SavedList(
        "customers",
        "Customers",
        "customers",
        "The name",
        "customers.edit",
        list_columns,
        several=frozenset({"tags"}),
    )
)


def row_of(customer: Customer, request: StaffRequest, fields: list[CustomField]) -> dict[str, Any]:
    """A line of the list: the customer, its own fields by column, and what its ⋯ menu offers this member."""
    editable = not customer.deleting_at
    edit = editable and may(request.member, "customers.edit")
    delete = editable and may(request.member, "customers.delete")
    return {
        "customer": customer,
        "own": {f"field_{item.field.code}": item for item in shown(customer, fields)} if fields else {},
        "url": customer_url("customer", customer),
        "edit_url": customer_url("customer-edit", customer) if edit else "",
        "tags_url": customer_url("customer-tags", customer) if edit else "",
        "delete_url": customer_url("customer-delete", customer) if delete else "",
    }


def url_if_any(name: str) -> str:
    """The address of this name, when the product has it."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
