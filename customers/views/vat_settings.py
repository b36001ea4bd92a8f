"""`/settings/vat`: whether and when VIES is asked, and what waits for it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.models import Organization
from billing.web.access import access, may
from billing.web.htmx import done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from customers.actions.vat_override import try_now
from customers.actions.vat_settings import change_vat_settings
from customers.forms.vat import VatSettingsForm
from customers.models import VatCheck
from customers.queries.vat import counts, lost_checks, waiting_checks, worded
from customers.rules.vat import maintenance_end


@access("settings.view", post="settings.edit")
@require_http_methods(["GET", "POST"])
def vat_settings(request: StaffRequest) -> HttpResponse:
    """The settings above the queue."""
    organization, at = request.organization, now(request.organization)
    form = VatSettingsForm(request.POST or None, instance=Organization.objects.get(pk=organization.pk))
    if request.method == "POST" and form.is_valid():
        change_vat_settings(organization, form.cleaned_data, by=request.actor, at=at)
        return done(request, reverse("vat-settings"), "The settings are saved.")
    page = page_of(request, waiting_checks(organization))
    context = {
        "form": form,
        "page": page,
        "waiting": [worded(row) for row in page.object_list],
        "lost": lost_checks(organization),
        "counts": counts(organization),
        "resting_until": maintenance_end(
            at, organization.vat_maintenance_from, organization.vat_maintenance_to
        ),
        "may_edit": may(request.member, "settings.edit"),
        "tab_items": settings_tabs(request, "vat-settings"),
    }
    status = 422 if form.errors else 200
    return render_page(request, "customers/vat/settings.html", context, status=status)


@require_POST
@access("settings.edit")
def check_soon(request: StaffRequest, id: UUID) -> HttpResponse:
    """A check that waits is asked with the next round."""
    row = VatCheck.objects.of(request.organization).get_or_404(pk=id)
    try_now(row, at=now(request.organization))
    return done(request, reverse("vat-settings"), "It is asked within a minute.")
