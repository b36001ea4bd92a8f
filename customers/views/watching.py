"""Usage thresholds and alerts of a subscription, alerts of a wallet, and the notices that they leave."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.alerts import delete_alert, save_alert, see, target_of
from billing.actions.clock import now
from billing.actions.thresholds import set_subscription_thresholds
from billing.models import Alert, AlertCrossing, Subscription, Wallet
from billing.rules.errors import BillingError
from billing.rules.money import to_minor
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import money_text
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.forms.watching import AMOUNT_KINDS, AlertForm, OwnThresholdsForm
from customers.views.find import subscription_or_404, wallet_or_404

MOST_SHOWN = 3  # of the steps that one look has crossed
CHANGES = require_http_methods(["GET", "HEAD", "POST"])


@CHANGES
@access("subscriptions.edit")
def thresholds(request: StaffRequest, id: UUID) -> HttpResponse:
    """A subscription's own thresholds: a drawer, or a page without JavaScript."""
    row = subscription_or_404(request, id)
    form = OwnThresholdsForm(request.POST if request.method == "POST" else None, subscription=row)
    if request.method == "POST" and form.is_valid():
        try:
            set_subscription_thresholds(
                row,
                form.terms(),
                progressive_billing=form.cleaned_data["progressive_billing"],
                historical_minor=form.cleaned_data["historical"],
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, reverse("subscription-thresholds", args=[row]), "Thresholds saved.")
        except BillingError as error:
            add_error(form, error, {"thresholds": "__all__", "historical_usage": "historical"})
    context = {
        "subscription": row,
        "form": form,
        "inherited": row.plan.thresholds.all(),
        "headings": "Amount without tax, Name",
    }
    status = 422 if form.errors or any(form.rows.errors) else 200
    return render_page(
        request, "customers/subscriptions/thresholds.html", context, partials=("drawer",), status=status
    )


@CHANGES
@access("subscriptions.edit")
def subscription_alert(request: StaffRequest, id: UUID) -> HttpResponse:
    """A new alert on a subscription."""
    return alert_form(request, subscription_or_404(request, id))


@CHANGES
@access("subscriptions.edit")
def wallet_alert(request: StaffRequest, id: UUID) -> HttpResponse:
    """A new alert on a wallet."""
    return alert_form(request, wallet_or_404(request, id))


@CHANGES
@access("subscriptions.edit")
def alert_edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """An alert with other terms."""
    row = alert_or_404(request, id)
    return alert_form(request, target_of(row), row)


def alert_form(
    request: StaffRequest, target: Subscription | Wallet, alert: Alert | None = None
) -> HttpResponse:
    """The drawer of a new alert or of one that is there."""
    form = AlertForm(request.POST if request.method == "POST" else None, target=target, alert=alert)
    if request.method == "POST" and form.is_valid():
        try:
            save_alert(target, form.terms(), alert=alert, by=request.actor, at=now(request.organization))
            return done(request, home_of(target), "Alert saved." if alert else "Alert added.")
        except BillingError as error:
            add_error(form, error, {"steps": "__all__"})
    context = {
        "target": target,
        "alert": alert,
        "form": form,
        "back": home_of(target),
        "action": request.path,
        "headings": "Threshold, Code",
        "currency": target.currency if isinstance(target, Wallet) else target.plan.currency,
    }
    status = 422 if form.errors or any(form.rows.errors) else 200
    return render_page(request, "customers/alerts/form.html", context, partials=("drawer",), status=status)


@CHANGES
@access("subscriptions.edit")
def alert_delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take an alert away, after a question."""
    row = alert_or_404(request, id)
    target = target_of(row)
    form = OnceForm(request.POST or None)
    if request.method == "POST":
        delete_alert(row, by=request.actor, at=now(request.organization))
        return done(request, home_of(target), "Alert removed.")
    context = {"alert": row, "form": form, "back": home_of(target)}
    return render_page(request, "customers/alerts/delete.html", context, partials=("dialog",))


@require_safe
@access("subscriptions.view")
def alerts(request: StaffRequest) -> HttpResponse:
    """What alerts have told, the newest first; those that nobody has seen have a button."""
    rows = AlertCrossing.objects.of(request.organization).select_related(
        "alert__metric",
        "alert__subscription__customer",
        "alert__subscription__plan",
        "alert__wallet__customer",
        "seen_by",
    )
    if request.GET.get("seen") == "no":
        rows = rows.filter(seen_at=None)
    page = page_of(request, rows.order_by("-at", "-pk"))
    page.object_list = [told(row) for row in page.object_list]
    unseen = AlertCrossing.objects.of(request.organization).filter(seen_at=None).exists()
    context = {"page": page, "unseen": unseen, "only_new": request.GET.get("seen") == "no"}
    return render_page(request, "customers/alerts/list.html", context, partials=("alert-table",))


@require_POST
@access("subscriptions.edit")
def seen(request: StaffRequest) -> HttpResponse:
    """One notice (`crossing`) or all of them have been seen."""
    rows = AlertCrossing.objects.of(request.organization).filter(seen_at=None)
    if key := request.POST.get("crossing"):
        found = [cast(AlertCrossing, rows.by_public_id(key))]
    else:
        found = list(rows[:1000])
    count = see(found, request.member.user, by=request.actor, at=now(request.organization))
    text = "Seen." if count == 1 else f"{count} notices marked as seen."
    return done(request, reverse("alerts"), text)


def told(row: AlertCrossing) -> dict[str, Any]:
    """A notice as the list shows it."""
    target = target_of(row.alert)
    currency = target.currency if isinstance(target, Wallet) else target.plan.currency
    amount = row.alert.kind in AMOUNT_KINDS
    return {
        "row": row,
        "url": home_of(target),
        "target": target,
        "customer": target.customer,
        "currency": currency if amount else "",
        "value_minor": to_minor(row.value, currency) if amount else None,
        "crossed": crossed_text(row, currency if amount else ""),
    }


def crossed_text(row: AlertCrossing, currency: str) -> str:
    """`10, 30 and 2 more`, amounts with their currency."""
    values = [Decimal(step["value"]) for step in row.crossed]
    texts = [
        money_text(to_minor(value, currency), currency, code=True) if currency else f"{value:f}"
        for value in values[:MOST_SHOWN]
    ]
    more = len(values) - len(texts)
    return ", ".join(texts) + (f" and {more} more" if more else "")


def alert_or_404(request: StaffRequest, key: UUID) -> Alert:
    """An alert of the organization."""
    rows = Alert.objects.of(request.organization).kept()
    found = rows.select_related(
        "metric",
        "subscription__plan",
        "subscription__customer__billing_entity",
        "wallet__customer__billing_entity",
    )
    return cast(Alert, found.get_or_404(pk=key))


def home_of(target: Subscription | Wallet) -> str:
    """The page where an alert is shown."""
    return reverse("wallet" if isinstance(target, Wallet) else "subscription-alerts", args=[target])
