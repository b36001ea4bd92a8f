"""Saved views of lists, and their columns: what every member keeps for themselves, whatever their role. A shared view
is changed by those who may change what the list shows.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseNotAllowed, QueryDict

from billing.actions.clock import now
from billing.actions.saved_views import choose_columns, delete_view, rename_view, save_view, update_view
from billing.forms.list_views import ColumnsForm, ViewForm
from billing.models import SavedView
from billing.queries.saved_views import views_of
from billing.rules.errors import BillingError
from billing.web.access import may, own
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from billing.web.saved_lists import (
    SavedList,
    address_of,
    columns_of,
    essence,
    list_named,
    may_change,
    place,
)


def find_view(request: StaffRequest, id: UUID) -> tuple[SavedView, SavedList]:
    """A view that the member sees, and its list; others' private ones are not found."""
    found: SavedView = views_of(request.member).get_or_404(pk=id)
    return found, list_named(found.noun)


def refused(request: StaffRequest, view: SavedView, kept: SavedList) -> HttpResponse | None:
    """The answer to somebody who may look at a shared view, but not change it."""
    if may_change(request.member, view):
        return None
    if request.method == "POST":
        raise PermissionDenied(f"This view is shared: those who may edit {kept.title.lower()} can change it.")
    text = "This view is shared; your role may not change it."
    return done(request, kept.path, text, kind="warning")


@own
def add(request: StaffRequest, list: str) -> HttpResponse:
    """Save the state of the list, which stands in the address, under a name."""
    kept = list_named(list)
    data = request.POST if request.method == "POST" else None
    state = {"query": essence(request.GET, kept.several), "columns": request.GET.get("columns", "")}
    if not state["columns"]:
        state["columns"] = ",".join(c.key for c in columns_of(request.member, kept, request.GET))
    form = ViewForm(data, initial=state, may_share=may(request.member, kept.share))
    if data is not None and form.is_valid():
        given = form.cleaned_data
        try:
            view = save_view(
                request.member,
                kept.noun,
                given["name"].strip(),
                essence(QueryDict(given["query"]), kept.several),
                given["columns"].split(",") if given["columns"] else [],
                shared=given.get("shared", False),
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, kept.path + address_of(view), "View saved")
        except BillingError as error:
            add_error(form, error)
    context = {"form": form, "title": "Save as a view", "submit": "Save view", "cancel_url": kept.path}
    return answer(request, kept, context, status=422 if form.errors else 200)


@own
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Rename a view, or let everybody see it."""
    view, kept = find_view(request, id)
    if answered := refused(request, view, kept):
        return answered
    data = request.POST if request.method == "POST" else None
    initial = {"name": view.name, "shared": view.shared}
    form = ViewForm(data, initial=initial, may_share=may(request.member, kept.share))
    if data is not None and form.is_valid():
        try:
            view = rename_view(
                view,
                form.cleaned_data["name"].strip(),
                shared=form.cleaned_data.get("shared", view.shared),
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, kept.path + address_of(view), "View saved")
        except BillingError as error:
            add_error(form, error)
    cancel = kept.path + address_of(view)
    context = {"form": form, "title": "Rename or share", "submit": "Save", "cancel_url": cancel}
    return answer(request, kept, context, status=422 if form.errors else 200)


@own
def update(request: StaffRequest, id: UUID) -> HttpResponse:
    """The view takes over the filters, order and columns that the list has now."""
    view, kept = find_view(request, id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    refused(request, view, kept)
    query = essence(QueryDict(request.POST.get("query", "")[:4000]), kept.several)
    columns = [key for key in request.POST.get("columns", "")[:2000].split(",") if key]
    if not columns:
        columns = [column.key for column in columns_of(request.member, kept, QueryDict(""))]
    try:
        view = update_view(view, query, columns, by=request.actor, at=now(request.organization))
    except BillingError as error:
        return done(request, kept.path + address_of(view), str(error), kind="error")
    return done(request, kept.path + address_of(view), "View updated")


@own
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Ask, then delete a view."""
    view, kept = find_view(request, id)
    if answered := refused(request, view, kept):
        return answered
    if request.method == "POST":
        delete_view(view, by=request.actor, at=now(request.organization))
        return done(request, kept.path, "View deleted")
    context = {"view": view, "saved_list": kept, "cancel_url": kept.path + address_of(view)}
    return render_page(request, "billing/saved_views/delete.html", context, partials=("dialog",))


@own
def columns(request: StaffRequest, list: str) -> HttpResponse:
    """Choose the columns; remembered for the member. Reset goes back to the usual ones."""
    kept = list_named(list)
    every, _ = kept.columns(request.organization)
    here = request.GET.copy()
    here.pop("columns", None)
    data = request.POST if request.method == "POST" else None
    now_shown = [column.key for column in columns_of(request.member, kept, request.GET)]
    form = ColumnsForm(data, columns=every, initial={"columns": now_shown, "back": here.urlencode()})
    if data is not None:
        back = kept.path + place(QueryDict(data.get("back", "")[:4000]), {"page": 1})
        if "reset" in data:
            choose_columns(request.member, kept.noun, [])
            return done(request, back, "Usual columns")
        if form.is_valid():
            choose_columns(request.member, kept.noun, form.cleaned_data["columns"])
            return done(request, back)
    back_query = f"?{here.urlencode()}" if here else ""
    context = {"form": form, "saved_list": kept, "cancel_url": kept.path + back_query}
    status = 422 if form.errors else 200
    return render_page(
        request, "billing/saved_views/columns.html", context, partials=("dialog",), status=status
    )


def answer(request: StaffRequest, kept: SavedList, context: dict[str, Any], *, status: int) -> HttpResponse:
    """The form as a dialog or as a page."""
    context |= {"action_url": request.path, "saved_list": kept}
    return render_page(request, "billing/saved_views/form.html", context, partials=("dialog",), status=status)
