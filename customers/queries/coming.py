"""What the calendar will do to a customer: invoices, renewals, ends, and what expires. Soonest first.

Subscriptions are at hand; everything else comes back from one query of a bounded number of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, CharField, DateTimeField, F, QuerySet, UUIDField, Value
from django.db.models.functions import Cast

from billing.models import Subscription, TopUpSchedule, Wallet, WalletLot
from billing.queries.schedules import customer_zone, schedule_of
from billing.rules.periods import local_date
from customers.models import Customer, VatCheck
from invoicing.models import DunningCase, Invoice
from invoicing.rules.boundaries import between_months

MOST = 60
BILL = "bill"
BILLED_NOW = ("trialing", "active", "past_due")


@dataclass(frozen=True)
class Coming:
    """Something to come on the customer's `day`, at a moment unless it is a matter of the whole day.

    `kind`: bill (subscriptions share a moment: `moves` is [(what it does, subscription)]), and of one row: lot
    (credits of a wallet expire), top_up (a wallet gets credits), wallet (all of it expires), vat (a number confirmed
    by hand), draft (becomes final), due (an invoice), dunning (its next step). `money`: whether an invoice may come
    of it.
    """

    day: date
    kind: str
    at: datetime | None = None
    key: UUID | None = None
    label: str = ""
    currency: str = ""
    minor: int = 0
    moves: list[tuple[str, Subscription]] = field(default_factory=list)
    money: bool = False


def coming(
    customer: Customer, subscriptions: Iterable[Subscription], at: datetime, may: Callable[[str], bool]
) -> list[Coming]:
    """The next things that will happen by themselves, soonest first, `MOST` of each kind at most. One query."""
    tz = customer_zone(customer)
    found = [
        Coming(local_date(when, tz), BILL, when, **values)
        for when, values in moves(subscriptions, at).items()
    ]
    for moment, kind, key, label, currency, minor in dated(customer, at, local_date(at, tz), may):
        if kind == "due":
            found.append(Coming(moment.astimezone(UTC).date(), kind, None, key, label, currency, minor))
        else:
            found.append(Coming(local_date(moment, tz), kind, moment, key, label, currency, minor))
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda item: (item.day, item.at or last, item.kind, item.label))


def moves(subscriptions: Iterable[Subscription], at: datetime) -> dict[datetime, dict[str, Any]]:
    """What subscriptions do, by moment: renew, are billed for a month, start, end, or end their trial."""
    by_moment: dict[datetime, list[tuple[str, Subscription]]] = defaultdict(list)
    money: set[datetime] = set()
    for row in subscriptions:
        for verb, when, invoice in moves_of(row):
            if when is not None and when > at:
                by_moment[when].append((verb, row))
                money |= {when} if invoice else set()
    return {when: {"moves": found, "money": when in money} for when, found in by_moment.items()}


def next_bill(subscriptions: Iterable[Subscription], at: datetime) -> datetime | None:
    """The first moment to come that may bring an invoice; now, when one is due already."""
    rows = list(subscriptions)
    overdue = any(
        money and when is not None and when <= at for row in rows for _, when, money in moves_of(row)
    )
    if overdue:
        return at
    return min((when for when, found in moves(rows, at).items() if found["money"]), default=None)


def moves_of(row: Subscription) -> list[tuple[str, datetime | None, bool]]:
    """(what it does, when, whether that is billed) of one subscription."""
    advance = row.plan.pay_in_advance
    trial = row.trial_ends_at
    if row.status == "pending" and row.previous_id is not None:
        return [("change_plan", row.takes_over_at, True)]
    if row.status == "pending":
        begins = advance and not (trial and trial > row.subscription_at)
        return [("start", row.subscription_at, begins), ("end", row.ending_at, False)]
    ends = row.ending_at
    renews = (
        row.next_billing_at if not (ends and row.next_billing_at and ends <= row.next_billing_at) else None
    )
    billed = row.status in BILLED_NOW
    if row.status == "paused":
        due = bool(row.resumes_at and row.next_billing_at and row.next_billing_at <= row.resumes_at)
        return [("resume", row.resumes_at, due), ("end", ends, True)]
    ending_trial = trial if row.status == "trialing" else None
    verb = "bill_month" if renews and within_period(row, renews) else "renew"
    return [(verb, renews, billed), ("trial_end", ending_trial, advance), ("end", ends, billed)]


def within_period(row: Subscription, when: datetime) -> bool:
    """Whether only a month of a longer period ends then."""
    plan = row.plan
    if not (plan.bill_charges_monthly or plan.bill_fixed_charges_monthly):
        return False
    return between_months(schedule_of(row, customer_zone(row.customer)), when)


def dated(
    customer: Customer, at: datetime, today: date, may: Callable[[str], bool]
) -> Iterable[tuple[datetime, str, UUID, str, str, int]]:
    """(moment, kind, row, label, currency, minor) of what has a date. A due date is its midnight in UTC."""
    lots = WalletLot.objects.filter(
        wallet__customer=customer, wallet__status="active", remaining_minor__gt=0, expires_at__gt=at
    )
    wallets = Wallet.objects.filter(customer=customer, balance_minor__gt=0, expires_at__gt=at).active()
    schedules = TopUpSchedule.objects.running().filter(wallet__customer=customer, next_at__gt=at)
    invoices = Invoice.objects.filter(customer=customer)
    checks = VatCheck.objects.filter(customer=customer, state="manual", expires_at__gt=at)
    cases = DunningCase.objects.filter(customer=customer).running().filter(next_at__gt=at)
    rest = F("total_minor") - F("paid_minor")
    parts = [
        ("customers.view", lines("vat", checks, "expires_at", label="number")),
        (
            "wallets.view",
            lines(
                "lot", lots, "expires_at", "wallet", "wallet__name", "wallet__currency", F("remaining_minor")
            ),
        ),
        (
            "wallets.view",
            lines("wallet", wallets, "expires_at", "pk", "name", "currency", F("balance_minor")),
        ),
        (
            "wallets.view",
            lines("top_up", schedules, "next_at", "wallet", "wallet__name", "wallet__currency"),
        ),
        (
            "invoices.view",
            lines("draft", invoices.draft(), "finalize_at", "pk", "number", "currency", F("total_minor")),
        ),
        ("invoices.view", lines("dunning", cases, "next_at", "pk", "campaign__name", "currency")),
        (
            "invoices.view",
            lines(
                "due", invoices.unpaid().filter(due_on__gte=today), "due_on", "pk", "number", "currency", rest
            ),
        ),
    ]
    allowed = [rows for permission, rows in parts if may(permission)]
    return allowed[0].union(*allowed[1:], all=True) if len(allowed) > 1 else allowed[0]


def lines(
    kind: str,
    rows: QuerySet[Any],
    when: str,
    key: str = "pk",
    label: str = "",
    currency: str = "",
    minor: Any = None,
) -> QuerySet[Any]:
    """The soonest rows of a kind in the columns that all share."""
    columns = {
        "moment": Cast(when, DateTimeField()),
        "kind_of": Value(kind, output_field=CharField()),
        "row_key": Cast(F(key), UUIDField()),
        "row_label": Cast(F(label), CharField()),
        "money_in": Cast(F(currency), CharField()) if currency else Value("", output_field=CharField()),
        "money": Cast(minor, BigIntegerField())
        if minor is not None
        else Value(0, output_field=BigIntegerField()),
    }
    found = rows.filter(**{f"{when}__isnull": False}).order_by(when, "pk")
    return found.annotate(**columns).values_list(*columns)[:MOST]
