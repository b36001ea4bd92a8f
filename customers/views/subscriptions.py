"""Subscriptions: the list of all, the customer's tab, assigning a plan, one subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Plan, Subscription
from billing.orm.search import fold
from billing.queries.schedules import customer_zone
from billing.queries.usage import UsageReport, current_usage
from billing.rules.errors import BillingError
from billing.rules.money import from_minor
from billing.rules.states import SubscriptionStatus
from billing.web.access import access
from billing.web.csv_files import csv_answer
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest
from customers.actions.assign import assign_plan
from customers.actions.foresee_bills import foresee_assignment
from customers.forms.own_terms import prices_for
from customers.forms.subscription import AssignForm
from customers.views.find import subscription_or_404
from customers.views.frame import customer_frame, find_customer
from customers.views.subscription_frame import subscription_frame
from invoicing.models import Invoice

CSV_COLUMNS = (
    *("subscription_id", "external_id", "name", "status", "plan_code", "plan_name"),
    *("customer_id", "customer_external_id", "customer_name", "price", "currency", "interval"),
    *("started_at", "trial_ends_at", "next_billing_at", "ending_at", "terminated_at"),
)
COLUMNS = {
    "name": "external_id",
    "customer": "customer__name",
    "plan": "plan__name",
    "started": "started_at",
    "next": "next_billing_at",
    "created": "created_at",
}


def wanted(request: StaffRequest) -> tuple[Any, dict[str, str], str]:
    """What the list's address asks for, in its order; its filters, and that order."""
    rows = Subscription.objects.of(request.organization).select_related("plan", "customer__billing_entity")
    term, status, plan = (request.GET.get(name, "").strip() for name in ("q", "status", "plan"))
    if term:
        rows = rows.filter(
            Q(external_id__icontains=term)
            | Q(name__icontains=term)
            | Q(customer__search_text__contains=fold(term))
        )
    if status in set(SubscriptionStatus):
        rows = rows.filter(status=status)
    if plan:
        rows = rows.filter(plan__code=plan)
    rows, sort = sorted_by(request, rows, COLUMNS, "-created")
    return rows, {"q": term, "status": status, "plan": plan}, sort


@access("subscriptions.view")
def subscriptions(request: StaffRequest) -> HttpResponse:
    """All subscriptions of the organization."""
    rows, filters, sort = wanted(request)
    context = filters | {
        "page": page_of(request, rows),
        "sort": sort,
        "csv_url": f"{reverse('subscriptions-csv')}?{request.GET.urlencode()}",
        "statuses": [(item.value, item.value.replace("_", " ").capitalize()) for item in SubscriptionStatus],
        "plans": Plan.objects.of(request.organization).kept().order_by("name").only("name", "code"),
        "filtered": any(filters.values()),
    }
    return render_page(
        request, "customers/subscriptions/list.html", context, partials=("subscription-table",)
    )


@require_safe
@access("subscriptions.view")
def subscriptions_csv(request: StaffRequest) -> HttpResponse:
    """What is filtered, in its order; moments are UTC, the price is that of a period."""
    rows, _, _ = wanted(request)
    today = timezone.localtime(now(request.organization)).date()
    return csv_answer(f"subscriptions-{today}", CSV_COLUMNS, map(csv_line, rows.iterator(1000)))


def csv_line(row: Subscription) -> list[Any]:
    """A subscription as a line of the file."""
    moments = (row.begins_at, row.trial_ends_at, row.next_billing_at, row.ending_at, row.terminated_at)
    return [
        row.public_id,
        row.external_id,
        row.name,
        row.status,
        row.plan.code,
        row.plan.name,
        row.customer.public_id,
        row.customer.external_id,
        row.customer.display_name,
        from_minor(row.amount_minor, row.currency),
        row.currency,
        row.plan.interval,
        *(moment.astimezone(UTC).isoformat() if moment else "" for moment in moments),
    ]


@access("subscriptions.view")
def customer_subscriptions(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab of a customer."""
    customer = find_customer(request, id)
    rows = Subscription.objects.filter(customer=customer).select_related("plan", "customer__billing_entity")
    context = customer_frame(request, customer, "subscriptions") | {"page": page_of(request, rows)}
    return render_page(request, "customers/subscriptions/tab.html", context, partials=("subscription-table",))


@access("subscriptions.edit")
def assign(request: StaffRequest, id: UUID) -> HttpResponse:
    """Assign a plan: a drawer, or a page without JavaScript. With `act=look` it only says what would be billed, with
    `act=own` it only shows the plan's prices, to be changed for this subscription.
    """
    customer, at = find_customer(request, id), now(request.organization)
    act, first_bills = request.POST.get("act"), None
    form = AssignForm(request.POST or None, customer=customer, at=at)
    tab = reverse("customer-subscriptions", args=[customer.pk])
    prices = prices_for(customer, form.chosen(), request.POST.get("currency", ""), request.POST)
    own = prices.own() if prices else None
    wrong = prices is not None and prices.wrong
    if request.method == "POST" and act != "own" and form.is_valid() and not wrong:
        plan = form.cleaned_data["plan"]
        told: dict[str, Any] = {"by": request.actor, "at": at}
        try:
            if act != "look":
                with claimed(form) as first:
                    if first:
                        assign_plan(customer, plan, **form.terms(), own=own, **told)
                return done(request, tab, f"{plan.name} assigned. Usage counts from its start.")
            first_bills = foresee_assignment(customer, plan, form.terms() | {"own": own}, **told)
        except BillingError as error:
            add_error(form, error, {"subscription_at": "starts_on", "ending_at": "ends_on"})
    context = {
        "customer": customer,
        "form": form,
        "prices": prices,
        "own_open": prices is not None and (prices.is_bound or act == "own"),
        "no_plans": not form.fields["plan"].queryset.exists(),  # type: ignore[attr-defined]
        "first_bills": first_bills,
        "at": at,
        "tz": customer_zone(customer),
    }
    status = 422 if (form.errors or wrong) and act not in {"look", "own"} else 200
    partials = ("drawer", "first-bills", "own-terms")
    return render_page(
        request, "customers/subscriptions/assign.html", context, partials=partials, status=status
    )


@access("subscriptions.view")
def subscription(request: StaffRequest, id: UUID) -> HttpResponse:
    """One subscription: its facts, what it uses now, its latest invoices."""
    row = subscription_or_404(request, id)
    context = subscription_frame(request, row, "overview") | {
        "current": current_of(row, now(request.organization)),
        "invoices": Invoice.objects.about(row).order_by("-issuing_on")[:5],
    }
    return render_page(request, "customers/subscriptions/detail.html", context)


def current_of(row: Subscription, at: datetime) -> UsageReport | None:
    """What is used of the running period so far; None for one that does not run."""
    return current_usage(row, at, with_days=False) if row.is_live else None
