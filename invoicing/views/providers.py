"""Settings, Integrations: accounts with payment providers, and how their customers stand."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from billing.actions.clock import now
from billing.models import Job
from billing.rules.errors import BillingError
from billing.rules.states import JobState
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from invoicing.actions import provider_drift
from invoicing.actions import providers as actions
from invoicing.forms.providers import ProviderForm, StrategyForm
from invoicing.models import PaymentProvider
from invoicing.models.provider import ProviderType
from invoicing.queries.paying import last_events, open_attempts
from invoicing.queries.provider_accounts import (
    STATES,
    drift_lines,
    links_in,
    unlinked_customers,
    with_counts,
)
from invoicing.rules.paying import ENTERED_AT, EVENTS, PAYING, SIGNED_BY, only_here
from invoicing.rules.providers import CREDENTIALS, SYNCING

CHANGED = ("provider-changed",)
SEGMENTS = (
    ("", "All"),
    ("drifted", "Different"),
    ("pending", "Waiting"),
    ("failed", "Failed"),
    ("gone", "Deleted there"),
    ("synced", "In step"),
)


def find_account(request: StaffRequest, id: UUID) -> PaymentProvider:
    """An account of the organization, with the numbers of its customers; else 404."""
    rows = with_counts(PaymentProvider.objects.of(request.organization).kept())
    return cast(PaymentProvider, rows.select_related("organization").get_or_404(pk=id))  # type: ignore[attr-defined]


@access("settings.view")
@require_safe
def integrations(request: StaffRequest) -> HttpResponse:
    """The accounts in the order in which they are chosen, and what happens when one fails."""
    accounts = list(with_counts(PaymentProvider.objects.of(request.organization).kept()))
    context = {
        "accounts": accounts,
        "last": len(accounts),
        "syncing": SYNCING,
        "paying": PAYING,
        "may_edit": may(request.member, "settings.edit"),
        "strategy": StrategyForm(organization=request.organization),
        "tab_items": settings_tabs(request, "integrations"),
    }
    return render_page(request, "invoicing/providers/list.html", context, partials=("account-table",))


@never_cache
@access("settings.edit")
def add(request: StaffRequest) -> HttpResponse:
    """First which provider, then the fields that it needs."""
    kind = request.GET.get("type", "")
    if kind not in ProviderType.values:
        kinds = [
            {
                "label": choice.label,
                "url": f"{request.path}?type={choice.value}",
                "syncs": choice.value in SYNCING,
                "needs": ", ".join(one.label.lower() for one in CREDENTIALS[choice.value] if one.required),
            }
            for choice in ProviderType
        ]
        return render_page(request, "invoicing/providers/kinds.html", {"kinds": kinds}, partials=("drawer",))
    form = ProviderForm(request.POST or None, kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.add_provider(
                request.organization,
                kind,
                form.credentials(),
                **form.columns(),
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, reverse("integrations"), f"{made.name} added.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    label = ProviderType(kind).label
    return drawer(request, form, title=f"Add {label}", submit="Add account", busy="Adding…", kind=kind)


@never_cache
@access("settings.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Name, switches, and other credentials."""
    account = find_account(request, id)
    form = ProviderForm(
        request.POST or None, kind=account.type, account=account, stored=actions.stored_names(account)
    )
    if request.method == "POST" and form.is_valid():
        typed = form.credentials()
        try:
            actions.update_provider(
                account,
                form.columns(),
                credentials=actions.completed(account, typed) if typed else None,
                by=request.actor,
                at=now(request.organization),
            )
            url = reverse("integration", args=[account.public_id])
            return done(request, url, f"{account.name} saved.", events=CHANGED)
        except BillingError as error:
            add_error(form, error)
    words = {"title": f"Edit {account.name}", "submit": "Save changes", "busy": "Saving…"}
    return drawer(request, form, kind=account.type, account=account, **words)


def drawer(request: StaffRequest, form: ProviderForm, **context: Any) -> HttpResponse:
    """The form in the drawer, or as a page. After an error it has the secrets that were typed: it is never kept."""
    context |= {"form": form, "action": request.get_full_path(), "syncs": context["kind"] in SYNCING}
    status = 422 if form.is_bound else 200
    return render_page(request, "invoicing/providers/form.html", context, partials=("drawer",), status=status)


@access("settings.edit")
@require_POST
def strategy(request: StaffRequest) -> HttpResponse:
    """What happens when a provider cannot take a change over."""
    form = StrategyForm(request.POST, organization=request.organization)
    if not form.is_valid():
        raise Http404("No such strategy.")
    actions.set_strategy(
        request.organization,
        form.cleaned_data["provider_sync_strategy"],
        by=request.actor,
        at=now(request.organization),
    )
    return done(request, reverse("integrations"), "Saved.")


@access("settings.edit")
@require_POST
def test(request: StaffRequest, id: UUID) -> HttpResponse:
    """Try the credentials and say how it went."""
    account = find_account(request, id)
    tested = actions.try_provider(account, by=request.actor, at=now(request.organization))
    url = reverse("integration", args=[account.public_id])
    kind = "success" if tested.works else "error"
    return done(request, url, f"{account.name}: {tested.message}", kind=kind)


@access("settings.edit")
@require_POST
def move(request: StaffRequest, id: UUID, steps: int) -> HttpResponse:
    """Earlier or later in the order."""
    account = find_account(request, id)
    actions.move_provider(account, steps, by=request.actor, at=now(request.organization))
    return done(request, reverse("integrations"))


@access("settings.edit")
@require_POST
def activate(request: StaffRequest, id: UUID, active: bool) -> HttpResponse:
    """Switch an account on or off."""
    account = find_account(request, id)
    actions.update_provider(account, {"active": active}, by=request.actor, at=now(request.organization))
    word = "active" if active else "inactive: its customers are not told of changes"
    return done(request, reverse("integration", args=[account.public_id]), f"{account.name} is {word}.")


@access("settings.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Forget an account, after saying what that means."""
    account = find_account(request, id)
    if request.method == "POST":
        actions.delete_provider(account, by=request.actor, at=now(request.organization))
        return done(request, reverse("integrations"), f"{account.name} deleted.")
    context = {"account": account, "action": request.path, "n_open": open_attempts(account)}
    return render_page(request, "invoicing/providers/delete.html", context, partials=("dialog",))


@access("settings.view")
@require_safe
def integration(request: StaffRequest, id: UUID) -> HttpResponse:
    """An account: how its customers stand, and each of them by state."""
    account = find_account(request, id)
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    page = page_of(request, links_in(account, state))
    for link in page.object_list:
        link.lines = drift_lines(link)
    jobs = Job.objects.of(request.organization).filter(
        subject_id=account.pk, task__in=(provider_drift.COMPARE, provider_drift.MIRROR_ALL)
    )
    job = jobs.order_by("-created_at").first()
    base = reverse("integration", args=[account.public_id])
    context = {
        "account": account,
        "syncs": account.type in SYNCING,
        "pays": account.type in PAYING,
        "stored": sorted(actions.stored_names(account)),
        "page": page,
        "state": state,
        "segments": [
            {"label": label, "url": f"{base}?state={name}" if name else base, "active": name == state}
            for name, label in SEGMENTS
        ],
        "unknown": unlinked_customers(account).count() if account.type in SYNCING else 0,
        "job": job,
        "job_open": job is not None and job.state in {JobState.QUEUED.value, JobState.RUNNING.value},
        **messages_of(account),
        "may_edit": may(request.member, "settings.edit"),
        "may_link": may(request.member, "customers.edit"),
    }
    return render_page(request, "invoicing/providers/detail.html", context, partials=("link-table",))


def messages_of(account: PaymentProvider) -> dict[str, Any]:
    """How the account tells us of payments, for kinds that do."""
    if account.type not in PAYING:
        return {}
    path = reverse("provider-webhook", args=[account.type, account.public_id])
    events = last_events(account)
    refused_at = account.bad_signature_at
    return {
        "webhook_url": settings.BASE_URL + path,
        "entered_at": ENTERED_AT.get(account.type, ""),
        "only_here": only_here(settings.BASE_URL),
        "last_refused": refused_at and (not events or events[0].received_at < refused_at),
        "webhook_events": EVENTS.get(account.type, ()),
        "needs_secret": account.type in SIGNED_BY
        and SIGNED_BY[account.type] not in actions.stored_names(account),
        "events": events,
        "n_open": open_attempts(account),
    }


@access("settings.edit")
@require_POST
def compare(request: StaffRequest, id: UUID) -> HttpResponse:
    """A job that reads the provider's customers and marks what differs."""
    account = find_account(request, id)
    provider_drift.ask_to_compare(account, by=request.actor, at=now(request.organization))
    url = reverse("integration", args=[account.public_id])
    return done(request, url, "Comparing. This goes on by itself.", kind="info")


@access("settings.edit")
def mirror_all(request: StaffRequest, id: UUID) -> HttpResponse:
    """A job that tells the account of every customer that it does not know."""
    account = find_account(request, id)
    if request.method == "POST":
        provider_drift.ask_to_mirror_all(account, by=request.actor, at=now(request.organization))
        url = reverse("integration", args=[account.public_id])
        return done(request, url, "Customers are being sent. This goes on by itself.", kind="info")
    context = {"account": account, "unknown": unlinked_customers(account).count(), "action": request.path}
    return render_page(request, "invoicing/providers/mirror_all.html", context, partials=("dialog",))
