"""Tags: the settings page, and the dialog that sets those of a customer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from customers.actions.customers import update_customer
from customers.actions.tag_list import create_tag, delete_tag, update_tag
from customers.forms.tags import TagForm, TagsForm
from customers.models import Tag
from customers.queries.tags import tag_uses, tags_by_id
from customers.views.frame import customer_url, find_customer, opened_from
from customers.views.undo import undo_url

CHANGED = ("tag-changed",)


@require_safe
@access("customers.view")
def tags(request: StaffRequest) -> HttpResponse:
    """All tags with the number of customers that have them."""
    uses = tag_uses(request.organization)
    rows = [
        {
            "tag": tag,
            "count": uses.get(tag.pk, 0),
            "customers_url": f"{reverse('customers')}?{urlencode({'tags': tag.name})}",
        }
        for tag in tags_by_id(request.organization).values()
    ]
    context = {
        "rows": rows,
        "can_edit": may(request.member, "customers.edit"),
        "tab_items": settings_tabs(request, "tags"),
    }
    return render_page(request, "customers/tags/list.html", context, partials=("tag-table",))


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add a tag"."""
    form = TagForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            tag = create_tag(
                request.organization, **form.cleaned_data, by=request.actor, at=now(request.organization)
            )
            return done(request, reverse("tags"), f"{tag.name} created.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    return drawer(request, form, title="Add a tag", submit="Create tag", busy="Creating…")


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Renaming and recolouring."""
    tag = Tag.objects.of(request.organization).get_or_404(pk=id)
    form = TagForm(request.POST or None, tag=tag)
    if request.method == "POST" and form.is_valid():
        try:
            update_tag(tag, **form.cleaned_data, by=request.actor, at=now(request.organization))
            return done(request, reverse("tags"), "Tag saved.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    count = tag_uses(request.organization).get(tag.pk, 0)
    words = {"title": f"Edit {tag.name}", "submit": "Save changes", "busy": "Saving…"}
    return drawer(request, form, count=count, **words)


def drawer(request: StaffRequest, form: TagForm, **context: Any) -> HttpResponse:
    """The form in the drawer, or as a page."""
    context |= {"form": form, "action": request.path}
    status = 422 if form.is_bound else 200
    return render_page(request, "customers/tags/form.html", context, partials=("drawer",), status=status)


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Deleting, after showing how many customers lose the tag."""
    tag = Tag.objects.of(request.organization).get_or_404(pk=id)
    if request.method == "POST":
        delete_tag(tag, by=request.actor, at=now(request.organization))
        return done(request, reverse("tags"), f"{tag.name} deleted.", events=CHANGED)
    context = {"tag": tag, "count": tag_uses(request.organization).get(tag.pk, 0), "action": request.path}
    return render_page(request, "customers/tags/delete.html", context, partials=("dialog",))


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def customer_tags(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog "Edit tags" of a customer: choose, and write new ones."""
    customer, at = find_customer(request, id), now(request.organization)
    data = request.POST if request.method == "POST" else None
    form = TagsForm(data, organization=request.organization, customer=customer)
    page = customer_url("customer", customer)
    if data is not None and form.is_valid():
        try:
            saved = update_customer(customer, {"tags": form.names()}, by=request.actor, at=at)
        except BillingError as error:
            add_error(form, error, {"tags": "new_tags"})
        else:
            undo = undo_url(request, customer, saved, at)
            return done(request, opened_from(request, customer), "Tags saved", undo_url=undo)
    context = {"form": form, "customer": customer, "action_url": request.path, "cancel_url": page}
    status = 422 if form.is_bound else 200
    return render_page(request, "customers/tags/edit.html", context, partials=("dialog",), status=status)
