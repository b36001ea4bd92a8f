"""Plans: list, one plan with its tabs, and what can be done with it. Its form is `plan_form.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.actions.clock import now
from billing.actions.plans import delete_plan, set_plan_active
from billing.models import AuditEntry, Charge, FixedCharge, Plan, Subscription
from billing.orm.search import matching
from billing.queries.catalog_use import OPEN_STATUSES, plan_use
from billing.queries.terms import PriceBook, price_book
from billing.rules.errors import BillingError
from billing.rules.periods import Interval
from billing.views.plan_form import charges_of
from billing.views.plan_frame import find_plan, frame
from billing.web.access import access, may
from billing.web.activity import timeline_items
from billing.web.formats import money_text
from billing.web.htmx import done, render_page
from billing.web.paging import page_of, sorted_by
from billing.web.pricing import PriceTable, charge_words, price_table, shown_charge
from billing.web.recent import remember
from billing.web.requests import StaffRequest

COLUMNS = {
    "name": "name",
    "price": "amount_minor",
    "subscriptions": "subscriptions_count",
    "charges": "charges_count",
    "created": "created_at",
}
INTERVALS = [(interval.value, interval.value.title()) for interval in Interval]


def count_of(rows: QuerySet[Any]) -> Coalesce:
    """The number of a plan's rows, as a column of the plan's query."""
    mine = rows.filter(plan=OuterRef("pk")).order_by().values("plan")
    return Coalesce(Subquery(mine.annotate(n=Count("pk")).values("n")), 0)


@require_safe
@access("catalog.view")
def plans(request: StaffRequest) -> HttpResponse:
    """All plans, searched by name and code, filtered by state, interval and currency."""
    mine = Plan.objects.of(request.organization).kept()
    rows = mine.annotate(
        subscriptions_count=count_of(Subscription.objects.filter(status__in=OPEN_STATUSES)),
        charges_count=count_of(Charge.objects.filter(deleted_at=None)),
    )
    names = ("q", "status", "interval", "currency")
    term, status, interval, currency = (request.GET.get(name, "").strip()[:100] for name in names)
    if term:
        rows = matching(rows, term)
    if status in {"active", "inactive"}:
        rows = rows.filter(active=status == "active")
    if interval:
        rows = rows.filter(interval=interval)
    if currency:
        rows = rows.filter(currency=currency)
    rows, sort = sorted_by(request, rows, COLUMNS, "name")
    context = {
        "page": page_of(request, rows),
        "sort": sort,
        "q": term,
        "status": status,
        "interval": interval,
        "currency": currency,
        "intervals": INTERVALS,
        "currencies": list(mine.order_by("currency").values_list("currency", flat=True).distinct()),
        "filtered": bool(term or status or interval or currency),
        "can_edit": may(request.member, "catalog.edit"),
    }
    return render_page(request, "billing/plans/list.html", context, partials=("plan-table",))


@require_safe
@access("catalog.view")
def plan(request: StaffRequest, id: UUID) -> HttpResponse:
    """The price and the charges with their tables."""
    row = find_plan(request, id)
    remember(request, "plan", row)
    book = price_book(row, charges_of(row))
    charges = [(shown_charge(charge, row.currency), other_prices(book, charge)) for charge in book.charges]
    context = frame(request, row, "plan") | {
        "charges": charges,
        "prices": [
            {"price": price, "missing": book.missing(code)} for code, price in sorted(book.prices.items())
        ],
        "taxes": list(row.taxes.all()),
        "thresholds": list(row.thresholds.all()),
        "fixed": [fixed_row(book, one) for one in book.fixed.rows],
    }
    return render_page(request, "billing/plans/detail.html", context)


def other_prices(book: PriceBook, charge: Charge) -> list[dict[str, Any]]:
    """What a charge costs in the other currencies: `title`, `table` (None: no price there), `filters`, `note`."""
    found = []
    for code in sorted(book.prices):
        priced = book.in_currency(charge, code)
        least = priced.min_amount_minor
        shown = shown_charge(priced, code) if book.priced(charge, code) else None
        found.append(
            {
                "title": f"In {code}",
                "table": shown.table if shown else None,
                "filters": shown.filters if shown else [],
                "note": f"minimum spend {money_text(least, code)} per period" if least else "",
            }
        )
    return found


def fixed_row(book: PriceBook, row: FixedCharge) -> dict[str, Any]:
    """A fixed charge with its price table, and what it costs in the plan's other currencies (None: no price)."""
    others = []
    for code in sorted(book.prices):
        found = next((one for one in book.fixed.priced(code) if one.pk == row.pk), None)
        others.append(
            {"title": f"In {code}", "table": fixed_table(found, code) if found else None, "note": ""}
        )
    return {"row": row, "table": fixed_table(row, book.plan.currency), "others": others}


def fixed_table(row: FixedCharge, currency: str) -> PriceTable:
    """How a fixed charge is shown."""
    return price_table(row.charge_model, row.properties, currency)


@require_safe
@access("catalog.view")
def subscriptions(request: StaffRequest, id: UUID) -> HttpResponse:
    """Everybody who is or was on the plan."""
    row = find_plan(request, id)
    rows = Subscription.objects.filter(plan=row).select_related("customer").order_by("-created_at", "-pk")
    context = frame(request, row, "plan-subscriptions") | {"page": page_of(request, rows)}
    return render_page(
        request, "billing/plans/subscriptions.html", context, partials=("plan-subscription-table",)
    )


@require_safe
@access("audit.view")
def activity(request: StaffRequest, id: UUID) -> HttpResponse:
    """What was done to the plan, newest first."""
    row = find_plan(request, id)
    entries = AuditEntry.objects.of(request.organization).filter(subject_id=row.pk)
    page = page_of(request, entries)
    for entry in page.object_list:
        entry.changes = {
            name: [words(name, v, row.currency) for v in pair] for name, pair in entry.changes.items()
        }
    items = timeline_items(page.object_list, request.organization.timezone)
    context = frame(request, row, "plan-activity") | {"page": page, "timeline": items}
    return render_page(request, "billing/plans/activity.html", context, partials=("plan-activity-list",))


def words(name: str, value: Any, currency: str) -> str:
    """A stored value of the audit trail for people; a charge as its model and prices."""
    if value is None or value in ("", [], {}):
        return ""
    if name.endswith("_minor"):
        return money_text(value, currency)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(words("", item, currency) for item in value)
    if isinstance(value, dict):
        return priced_words(value, currency)
    return str(value)


def priced_words(value: dict[str, Any], currency: str) -> str:
    """A price or a charge of the audit trail; `currency` unless it names its own."""
    code = str(value.get("currency") or currency)
    return charge_words(value, code) if "charge_model" in value else money_text(value["amount_minor"], code)


@require_POST
@access("catalog.edit")
def activate(request: StaffRequest, id: UUID, active: bool) -> HttpResponse:
    """Offer the plan, or offer it no more."""
    row = set_plan_active(find_plan(request, id), active, by=request.actor, at=now(request.organization))
    text = f"{row.name} can be assigned again." if active else f"{row.name} can no longer be assigned."
    return done(request, reverse("plan", args=[row.public_id]), text)


@access("catalog.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """What deleting would do, and doing it."""
    row = find_plan(request, id)
    refusal = ""
    if request.method == "POST":
        try:
            delete_plan(row, by=request.actor, at=now(request.organization))
            return done(request, reverse("plans"), f"{row.name} deleted.")
        except BillingError as error:
            refusal = str(error)
    context = {
        "plan": row,
        "use": plan_use(row),
        "refusal": refusal,
        "action": request.path,
        "cancel": reverse("plan", args=[row.public_id]),
    }
    status = 422 if refusal else 200
    return render_page(request, "billing/plans/delete.html", context, partials=("dialog",), status=status)
