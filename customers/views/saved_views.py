"""Saved views of the customers list, and its columns: what every member keeps for themselves, whatever their role.
A shared view is changed by those who may edit customers.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseNotAllowed, QueryDict
from django.urls import reverse

from billing.actions.clock import now
from billing.models import SavedView
from billing.rules.errors import BillingError
from billing.web.access import may, own
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.saved_views import choose_columns, delete_view, rename_view, save_view, update_view
from customers.forms.list_views import ColumnsForm, ViewForm
from customers.queries.custom_fields import custom_fields
from customers.queries.saved_views import CUSTOMERS, views_of
from customers.rules.list_columns import own_column, with_own
from customers.views.listing import address_of, columns_of, essence, may_change, place


def list_url(query: str = "") -> str:
    """The list, in this state."""
    return reverse("customers") + (f"?{query}" if query else "")


def find_view(request: StaffRequest, id: UUID) -> SavedView:
    """A view that the member sees; others' private ones are not found."""
    found: SavedView = views_of(request.member).get_or_404(pk=id)
    return found


def refused(request: StaffRequest, view: SavedView) -> HttpResponse | None:
    """The answer to somebody who may look at a shared view, but not change it."""
    if may_change(request.member, view):
        return None
    if request.method == "POST":
        raise PermissionDenied("This view is shared: those who may edit customers can change it.")
    return done(
        request, reverse("customers"), "This view is shared; your role may not change it.", kind="warning"
    )


@own
def add(request: StaffRequest) -> HttpResponse:
    """Save the state of the list, which stands in the address, under a name."""
    data = request.POST if request.method == "POST" else None
    state = {"query": essence(request.GET), "columns": request.GET.get("columns", "")}
    if not state["columns"]:
        fields = custom_fields(request.organization)
        state["columns"] = ",".join(c.key for c in columns_of(request.member, request.GET, fields))
    form = ViewForm(data, initial=state, may_share=may(request.member, "customers.edit"))
    if data is not None and form.is_valid():
        given = form.cleaned_data
        try:
            view = save_view(
                request.member,
                CUSTOMERS,
                given["name"].strip(),
                essence(QueryDict(given["query"])),
                given["columns"].split(",") if given["columns"] else [],
                shared=given.get("shared", False),
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, reverse("customers") + address_of(view), "View saved")
        except BillingError as error:
            add_error(form, error)
    context = {"form": form, "title": "Save as a view", "submit": "Save view", "cancel_url": list_url()}
    return answer(request, context, status=422 if form.errors else 200)


@own
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Rename a view, or let everybody see it."""
    view = find_view(request, id)
    if answered := refused(request, view):
        return answered
    data = request.POST if request.method == "POST" else None
    initial = {"name": view.name, "shared": view.shared}
    form = ViewForm(data, initial=initial, may_share=may(request.member, "customers.edit"))
    if data is not None and form.is_valid():
        try:
            view = rename_view(
                view,
                form.cleaned_data["name"].strip(),
                shared=form.cleaned_data.get("shared", view.shared),
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, reverse("customers") + address_of(view), "View saved")
        except BillingError as error:
            add_error(form, error)
    cancel = reverse("customers") + address_of(view)
    context = {"form": form, "title": "Rename or share", "submit": "Save", "cancel_url": cancel}
    return answer(request, context, status=422 if form.errors else 200)


@own
def update(request: StaffRequest, id: UUID) -> HttpResponse:
    """The view takes over the filters, order and columns that the list has now."""
    view = find_view(request, id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    refused(request, view)
    query = essence(QueryDict(request.POST.get("query", "")[:4000]))
    columns = [key for key in request.POST.get("columns", "")[:2000].split(",") if key]
    if not columns:
        fields = custom_fields(request.organization)
        columns = [c.key for c in columns_of(request.member, QueryDict(""), fields)]
    try:
        view = update_view(view, query, columns, by=request.actor, at=now(request.organization))
    except BillingError as error:
        return done(request, reverse("customers") + address_of(view), str(error), kind="error")
    return done(request, reverse("customers") + address_of(view), "View updated")


@own
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Ask, then delete a view."""
    view = find_view(request, id)
    if answered := refused(request, view):
        return answered
    if request.method == "POST":
        delete_view(view, by=request.actor, at=now(request.organization))
        return done(request, reverse("customers"), "View deleted")
    context = {"view": view, "cancel_url": reverse("customers") + address_of(view)}
    return render_page(request, "customers/saved_views/delete.html", context, partials=("dialog",))


@own
def columns(request: StaffRequest) -> HttpResponse:
    """Choose the columns; remembered for the member. Reset goes back to the usual ones."""
    fields = custom_fields(request.organization)
    every = with_own([own_column(field.code, field.name, field.kind) for field in fields])
    here = request.GET.copy()
    here.pop("columns", None)
    data = request.POST if request.method == "POST" else None
    now_shown = [column.key for column in columns_of(request.member, request.GET, fields)]
    form = ColumnsForm(data, columns=every, initial={"columns": now_shown, "back": here.urlencode()})
    if data is not None:
        back = list_url(place(QueryDict(data.get("back", "")[:4000]), {"page": 1}).removeprefix("?"))
        if "reset" in data:
            choose_columns(request.member, CUSTOMERS, [])
            return done(request, back, "Usual columns")
        if form.is_valid():
            choose_columns(request.member, CUSTOMERS, form.cleaned_data["columns"])
            return done(request, back)
    context = {"form": form, "cancel_url": list_url(here.urlencode())}
    status = 422 if form.errors else 200
    return render_page(
        request, "customers/saved_views/columns.html", context, partials=("dialog",), status=status
    )


def answer(request: StaffRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    """The form as a dialog or as a page."""
    context["action_url"] = request.path
    return render_page(
        request, "customers/saved_views/form.html", context, partials=("dialog",), status=status
    )
