"""`/settings`: the organization itself."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.actions.organizations import update_organization
from billing.forms.settings import OrganizationForm
from billing.web.access import access, may
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs


@access("settings.view", post="settings.edit")
@require_http_methods(["GET", "POST"])
def settings(request: StaffRequest) -> HttpResponse:
    """Name, default currency and time zone."""
    organization = request.organization
    form = OrganizationForm(request.POST or None, instance=organization)
    if request.method == "POST" and form.is_valid():
        update_organization(organization, **form.cleaned_data, by=request.actor, at=now(organization))
        return done(request, reverse("settings"), "The settings are saved.")
    context = {
        "form": form,
        "may_edit": may(request.member, "settings.edit"),
        "tab_items": settings_tabs(request, "settings"),
    }
    status = 422 if form.errors else 200
    return render_page(request, "billing/settings/organization.html", context, status=status)
