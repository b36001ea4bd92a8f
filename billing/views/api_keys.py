"""`/developers/api-keys`: keys are made, shown once and revoked here."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.api_keys import issue_key, revoke_key
from billing.forms.api_keys import KeyForm
from billing.models import ApiKey
from billing.rules.errors import BillingError, Conflict
from billing.web.access import access, may
from billing.web.api import api
from billing.web.errors import add_error
from billing.web.htmx import changed, done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs


def resources() -> list[str]:
    """The first parts of the API's addresses: what a key's scopes can name."""
    found = set()
    for prefix, router in api._routers:
        for path in router.path_operations:
            parts = f"{prefix}/{path}".strip("/").split("/")
            found.add(next((part for part in parts if part and not part.startswith("{")), ""))
    return sorted(found - {""})


@access("api_keys.view")
@require_safe
def api_keys(request: StaffRequest) -> HttpResponse:
    """All keys, live ones first."""
    keys = ApiKey.objects.of(request.organization).select_related("created_by")
    at = timezone.now()
    rows = sorted(keys, key=lambda key: (state(key, at) != "active", -key.created_at.timestamp()))
    context = {
        "keys": [{"key": key, "state": state(key, at)} for key in rows],
        "may_edit": may(request.member, "api_keys.edit"),
        "tab_items": developer_tabs(request, "api-keys"),
    }
    return render_page(request, "billing/developers/api_keys.html", context, partials=("key-table",))


def state(key: ApiKey, at: object) -> str:
    """active, expired or revoked."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= at else "active"  # type: ignore[operator]


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
                )
        except BillingError as error:
            add_error(form, error, {"expires_at": "expires_on"})
        else:
            context = {"key": key, "secret": secret}
            return changed(render_page(request, template, context, partials=("drawer",)), "key-changed")
    status = 422 if form.errors else 200
    return render_page(request, template, {"form": form}, partials=("drawer",), status=status)


@access("api_keys.edit")
@require_http_methods(["GET", "POST"])
def revoke(request: StaffRequest, id: UUID) -> HttpResponse:
    """Stop a key for good, after asking."""
    key = ApiKey.objects.of(request.organization).get_or_404(pk=id)
    if request.method == "POST":
        revoke_key(key, by=request.actor, at=timezone.now())
        return done(request, reverse("api-keys"), f"{key.name} no longer works.", events=("key-changed",))
    return render_page(request, "billing/developers/api_key_revoke.html", {"key": key}, partials=("dialog",))
