"""`/settings/billing-entities`: the legal issuers of invoices, their numbering, logo and terms."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions import billing_entities as actions
from billing.actions.clock import now
from billing.forms.settings import BillingEntityForm
from billing.models import BillingEntity
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from invoicing.queries.next_numbers import next_number


@access("settings.view")
@require_safe
def billing_entities(request: StaffRequest) -> HttpResponse:
    """The list, the default first."""
    at = now(request.organization)
    entities = list(BillingEntity.objects.of(request.organization).kept())
    context = {
        "entities": [{"entity": entity, "next_number": next_number(entity, at)} for entity in entities],
        "may_edit": may(request.member, "settings.edit"),
        "tab_items": settings_tabs(request, "billing-entities"),
    }
    return render_page(request, "invoicing/billing_entities/list.html", context)


@access("settings.edit")
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    """Another issuer."""
    organization = request.organization
    blank = BillingEntity(
        organization=organization,
        default_currency=organization.default_currency,
        timezone=organization.timezone,
    )
    form = BillingEntityForm(request.POST or None, request.FILES or None, instance=blank)
    if request.method == "POST" and form.is_valid():
        try:
            entity = actions.add_billing_entity(
                organization,
                form.values(),
                logo=form.cleaned_data["logo"],
                by=request.actor,
                at=now(organization),
            )
        except BillingError as error:
            add_error(form, error)
        else:
            return done(request, reverse("billing-entities"), f"{entity.name} is added.")
    return answer(request, form, {"title": "Add a billing entity", "submit": "Add billing entity"})


@access("settings.view", post="settings.edit")
@require_http_methods(["GET", "POST"])
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """All fields of an issuer; read-only for who may not change them."""
    entity = BillingEntity.objects.of(request.organization).kept().get_or_404(pk=id)
    form = BillingEntityForm(request.POST or None, request.FILES or None, instance=entity)
    if request.method == "POST" and form.is_valid():
        actions.update_billing_entity(
            entity,
            form.values(),
            logo=form.cleaned_data["logo"],
            remove_logo=form.cleaned_data["remove_logo"],
            by=request.actor,
            at=now(request.organization),
        )
        return done(request, reverse("billing-entities"), f"{entity.name} is saved.")
    shown = BillingEntity.objects.get(pk=entity.pk)  # the form has put what was sent into `entity`
    return answer(request, form, {"title": shown.name, "submit": "Save", "entity": shown})


def answer(request: StaffRequest, form: BillingEntityForm, context: dict[str, Any]) -> HttpResponse:
    """The form page with the preview of the next number."""
    preview = next_number(context["entity"], now(request.organization)) if "entity" in context else ""
    values = context | {
        "form": form,
        "preview": preview,
        "may_edit": may(request.member, "settings.edit"),
        "tab_items": settings_tabs(request, "billing-entities"),
    }
    status = 422 if form.errors else 200
    return render_page(request, "invoicing/billing_entities/form.html", values, status=status)


@access("settings.view")
@require_safe
def number_preview(request: StaffRequest) -> HttpResponse:
    """The next number for what is typed in the form just now."""
    entity = BillingEntity(organization=request.organization, timezone=request.organization.timezone)
    known = request.GET.get("entity", "")
    if known:
        entity = BillingEntity.objects.of(request.organization).kept().by_public_id(known)
    entity.number_prefix = request.GET.get("number_prefix", "").strip().upper()[:10]
    entity.numbering = request.GET.get("numbering", entity.numbering)
    context = {"preview": next_number(entity, now(request.organization)) if entity.number_prefix else ""}
    return render_page(request, "invoicing/billing_entities/preview.html", context)


@access("settings.edit")
@require_POST
def set_default(request: StaffRequest, id: UUID) -> HttpResponse:
    """New customers get this issuer."""
    entity = BillingEntity.objects.of(request.organization).kept().get_or_404(pk=id)
    actions.make_default(entity, by=request.actor, at=now(request.organization))
    return done(request, reverse("billing-entities"), f"{entity.name} is the default now.")


@access("settings.view")
@require_safe
@cache_control(private=True, max_age=300)
def logo(request: StaffRequest, id: UUID) -> HttpResponse:
    """The logo, for the form's preview."""
    entity = BillingEntity.objects.of(request.organization).kept().get_or_404(pk=id)
    if not entity.logo:
        raise Http404("No logo.")
    kind = "image/png" if entity.logo.name.endswith(".png") else "image/jpeg"
    return cast(HttpResponse, FileResponse(entity.logo.open("rb"), content_type=kind))
