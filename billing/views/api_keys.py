"""`/developers/api-keys`: keys are made, shown once and revoked here."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.api_keys import issue_key, revoke_key, rotate_key
from billing.forms.api_keys import KeyForm, RotateForm
from billing.models import ApiKey
from billing.queries.payloads_access import key_state
from billing.rules.errors import BillingError, Conflict
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import changed, done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from billing.web.scopes import resources
from billing.web.settings_tabs import developer_tabs


@access("api_keys.view")
@require_safe
def api_keys(request: StaffRequest) -> HttpResponse:
    """All keys, live ones first."""
    keys = ApiKey.objects.of(request.organization).select_related("created_by")
    at = timezone.now()
    rows = sorted(keys, key=lambda key: (key_state(key, at) != "active", -key.created_at.timestamp()))
    context = {
        "keys": [{"key": key, "state": key_state(key, at)} for key in rows],
        "may_edit": may(request.member, "api_keys.edit"),
        "tab_items": developer_tabs(request, "api-keys"),
    }
    return render_page(request, "billing/developers/api_keys.html", context, partials=("key-table",))


@access("api_keys.edit")
@never_cache
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    """Make a key. The answer to the POST is the only place where the secret ever stands."""
    form = KeyForm(request.POST or None, resources=resources())
    template = "billing/developers/api_key_add.html"
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if not first:
                    raise Conflict("This key was made already and cannot be shown again.", code="repeated")
                key, secret = issue_key(
                    request.organization,
                    form.cleaned_data["name"],
                    by=request.actor,
                    at=timezone.now(),
                    scopes=form.scopes(),
                    expires_at=form.cleaned_data["expires_on"],
                    rate_limit=form.cleaned_data["rate_limit"],
                )
        except BillingError as error:
            add_error(form, error, {"expires_at": "expires_on"})
        else:
            context = {"key": key, "secret": secret}
            return changed(render_page(request, template, context, partials=("drawer",)), "key-changed")
    status = 422 if form.errors else 200
    return render_page(request, template, {"form": form}, partials=("drawer",), status=status)


@access("api_keys.edit")
@never_cache
@require_http_methods(["GET", "POST"])
def rotate(request: StaffRequest, id: UUID) -> HttpResponse:
    """A new key in place of this one, which goes on for a while. The answer to the POST alone shows the new one."""
    key = ApiKey.objects.of(request.organization).get_or_404(pk=id)
    form = RotateForm(request.POST or None)
    template = "billing/developers/api_key_rotate.html"
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if not first:
                    raise Conflict("This key was replaced already.", code="repeated")
                overlap = timedelta(hours=int(form.cleaned_data["overlap"]))
                made, secret = rotate_key(key, overlap=overlap, by=request.actor, at=timezone.now())
        except BillingError as error:
            add_error(form, error)
        else:
            key.refresh_from_db()
            context = {"key": made, "secret": secret, "old": key}
            page = render_page(request, "billing/developers/api_key_add.html", context, partials=("drawer",))
            return changed(page, "key-changed")
    context = {"form": form, "key": key}
    status = 422 if form.errors else 200
    return render_page(request, template, context, partials=("drawer",), status=status)


@access("api_keys.edit")
@require_http_methods(["GET", "POST"])
def revoke(request: StaffRequest, id: UUID) -> HttpResponse:
    """Stop a key for good, after asking."""
    key = ApiKey.objects.of(request.organization).get_or_404(pk=id)
    if request.method == "POST":
        revoke_key(key, by=request.actor, at=timezone.now())
        return done(request, reverse("api-keys"), f"{key.name} no longer works.", events=("key-changed",))
    return render_page(request, "billing/developers/api_key_revoke.html", {"key": key}, partials=("dialog",))
