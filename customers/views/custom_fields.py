"""`/settings/custom-fields`: the fields that the organization adds to its customers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from customers.actions.custom_fields import (
    create_custom_field,
    delete_custom_field,
    move_custom_field,
    update_custom_field,
)
from customers.forms.own_fields import CustomFieldForm
from customers.models import CustomField
from customers.queries.custom_fields import custom_fields, field_use

CHANGED = ("custom-field-changed",)


@require_safe
@access("customers.view")
def fields(request: StaffRequest) -> HttpResponse:
    """All fields in their order."""
    context = {
        "rows": custom_fields(request.organization),
        "can_edit": may(request.member, "settings.edit"),
        "tab_items": settings_tabs(request, "custom-fields"),
    }
    template = "customers/custom_fields/list.html"
    return render_page(request, template, context, partials=("custom-field-table",))


@require_http_methods(["GET", "POST"])
@access("settings.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add a field"."""
    form = CustomFieldForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        at = now(request.organization)
        try:
            field = create_custom_field(request.organization, form.values(), by=request.actor, at=at)
            return done(request, reverse("custom-fields"), f"{field.name} created.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    return drawer(request, form, title="Add a field", submit="Create field", busy="Creating…")


@require_http_methods(["GET", "POST"])
@access("settings.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer of a field, with how many customers have a value."""
    field = find(request, id)
    form = CustomFieldForm(request.POST or None, organization=request.organization, field=field)
    if request.method == "POST" and form.is_valid():
        try:
            update_custom_field(field, form.values(), by=request.actor, at=now(request.organization))
            return done(request, reverse("custom-fields"), "Field saved.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    words = {"title": f"Edit {field.name}", "submit": "Save changes", "busy": "Saving…"}
    return drawer(request, form, count=field_use(field), **words)


def drawer(request: StaffRequest, form: CustomFieldForm, **context: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    context |= {"form": form, "action": request.path}
    template, status = "customers/custom_fields/form.html", 422 if form.is_bound else 200
    return render_page(request, template, context, partials=("drawer",), status=status)


@require_POST
@access("settings.edit")
def move(request: StaffRequest, id: UUID) -> HttpResponse:
    """One place up or down."""
    field = find(request, id)
    up = request.POST.get("to") == "up"
    move_custom_field(field, up=up, by=request.actor, at=now(request.organization))
    return done(request, reverse("custom-fields"), events=CHANGED)


@require_http_methods(["GET", "POST"])
@access("settings.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Deleting, after showing how many customers lose a value."""
    field = find(request, id)
    if request.method == "POST":
        delete_custom_field(field, by=request.actor, at=now(request.organization))
        return done(request, reverse("custom-fields"), f"{field.name} deleted.", events=CHANGED)
    context = {"field": field, "count": field_use(field), "action": request.path}
    return render_page(request, "customers/custom_fields/delete.html", context, partials=("dialog",))


def find(request: StaffRequest, id: UUID) -> CustomField:
    """The organization's field, or 404."""
    found: CustomField = CustomField.objects.of(request.organization).get_or_404(pk=id)
    return found
