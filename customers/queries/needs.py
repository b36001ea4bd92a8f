"""What needs a person today, as one query: every part counts its own rows and they come back together.

Each part is (kind, currency, rows, minor units, the nearest moment); parts without money have no currency.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    DateTimeField,
    F,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast

from billing.models import (
    AlertCrossing,
    Event,
    Job,
    LateEvent,
    Metric,
    Organization,
    Plan,
    QuarantinedEvent,
    Subscription,
    Wallet,
    WalletLot,
    WebhookEndpoint,
)
from billing.rules.retries import RESTS_AFTER
from billing.rules.states import LIVE, JobState
from customers.models import Customer, VatCheck
from invoicing.models import Invoice, InvoiceReview, Payment, PaymentAttempt, ProviderLink, Refund
from invoicing.rules.payment_requests import OPEN_VALUES

SOON = timedelta(days=30)
TRIAL_SOON = timedelta(days=7)
RECENT = timedelta(days=30)
DELETION = "customers.delete"
AGES = (("overdue_30", 30), ("overdue_60", 60), ("overdue_90", 90))
COUNTED = Count("pk")
NO_MOMENT = Value(None, output_field=DateTimeField())


@dataclass(frozen=True)
class Part:
    """Rows of one kind in one currency ("" where there is no money)."""

    currency: str
    count: int
    minor: int = 0
    first_at: datetime | None = None


def part(
    kind: Any,
    rows: QuerySet[Any],
    *,
    currency: Any = None,
    minor: Any = None,
    first_at: Any = None,
    count: Any = COUNTED,
) -> QuerySet[Any]:
    """One line of the answer per currency (and kind, where that is an expression)."""
    grouped = rows.order_by().annotate(
        kind_of=Cast(Value(kind) if isinstance(kind, str) else kind, CharField()),
        currency_of=Cast(currency or Value(""), CharField()),
    )
    return (
        grouped.values("kind_of", "currency_of")
        .annotate(
            row_count=count,
            minor_sum=Cast(Sum(minor), BigIntegerField())
            if minor
            else Value(0, output_field=BigIntegerField()),
            nearest=Min(first_at) if first_at else NO_MOMENT,
        )
        .values_list("kind_of", "currency_of", "row_count", "minor_sum", "nearest")
    )


def waiting(organization: Organization, at: datetime, today: date) -> dict[str, list[Part]]:
    """All kinds that have something, the organization's own currency first, then by count. One query."""
    found: dict[str, list[Part]] = defaultdict(list)
    parts = [*invoices(organization, at, today), *money(organization, at), *numbers(organization, at)]
    first, *others = parts
    for kind, currency, count, minor, first_at in first.union(*others, all=True):
        if count:
            found[kind].append(Part(currency, count, minor or 0, first_at))
    for rows in found.values():
        rows.sort(key=lambda row: (row.currency != organization.default_currency, -row.count, row.currency))
    return dict(found)


def invoices(organization: Organization, at: datetime, today: date) -> list[QuerySet[Any]]:
    """Drafts, what is unpaid, what is late by its age, payments that failed lately for what is still unpaid, and
    taxes that a change of type put in question."""
    mine = Invoice.objects.of(organization)
    rest = F("total_minor") - F("paid_minor")
    age = Case(
        *(When(due_on__gte=today - timedelta(days=days), then=Value(kind)) for kind, days in AGES),
        default=Value("overdue_more"),
    )
    failed = Payment.objects.of(organization).filter(
        status="failed", paid_at__gte=at - RECENT, invoice__status="finalized"
    )
    attempts = PaymentAttempt.objects.of(organization)
    unpaid = Q(invoice__status="finalized") & ~Q(invoice__payment_status="paid")
    open_request = Q(request__status__in=OPEN_VALUES)
    return [
        part("drafts", mine.draft(), currency=F("currency"), minor=F("total_minor"), first_at="finalize_at"),
        part("unpaid", mine.unpaid(), currency=F("currency"), minor=rest),
        part(age, mine.overdue(today), currency=F("currency"), minor=rest),
        part(
            "failed_payments",
            failed.exclude(invoice__payment_status="paid"),
            currency=F("currency"),
            minor=F("amount_minor"),
        ),
        part(
            "failed_attempts",
            attempts.filter(unpaid | open_request, state="failed", created_at__gte=at - RECENT),
            currency=F("currency"),
            minor=F("amount_minor"),
        ),
        part(
            "paid_problems",
            attempts.exclude(problem=""),
            currency=F("currency"),
            minor=F("received_minor"),
        ),
        part(
            "failed_refunds",
            Refund.objects.of(organization).filter(status="failed", refunded_at__gte=at - RECENT),
            currency=F("currency"),
            minor=F("amount_minor"),
        ),
        part(
            "reviews",
            InvoiceReview.objects.of(organization).current(today).waiting(),
            currency=F("invoice__currency"),
            minor=F("invoice__taxes_minor"),
        ),
    ]


def money(organization: Organization, at: datetime) -> list[QuerySet[Any]]:
    """Credits that expire within 30 days (by their own day or their wallet's), and wallets below their mark:
    those that somebody has used, since every customer has one from the start.
    """
    wallets = Wallet.objects.of(organization).active().in_use()
    ending = {"expires_at__gte": at, "expires_at__lt": at + SOON}
    lots = WalletLot.objects.of(organization).filter(remaining_minor__gt=0, wallet__status="active", **ending)
    own = lots.exclude(wallet__expires_at__lt=at + SOON)
    return [
        part(
            "expiring", own, currency=F("wallet__currency"), minor=F("remaining_minor"), first_at="expires_at"
        ),
        part(
            "expiring",
            wallets.filter(balance_minor__gt=0, **ending),
            currency=F("currency"),
            minor=F("balance_minor"),
            first_at="expires_at",
        ),
        part(
            "low_wallets",
            wallets.filter(low_balance_minor__isnull=False, balance_minor__lt=F("low_balance_minor")),
            currency=F("currency"),
            minor=F("balance_minor"),
        ),
    ]


def numbers(organization: Organization, at: datetime) -> list[QuerySet[Any]]:
    """What is only counted."""
    subscriptions = Subscription.objects.of(organization)
    live = subscriptions.live()
    jobs = Job.objects.of(organization)
    links = ProviderLink.objects.of(organization).filter(state="failed", customer__deleted_at=None)
    unanswered = VatCheck.objects.of(organization).filter(
        state="failed",
        fault__in=["INVALID_INPUT", "VAT_BLOCKED"],
        customer__vat_status="unvalidated",
        customer__deleted_at=None,
    )
    # paused or disabled by the product itself, or about to be
    troubled = ~Q(reason="") | Q(failures__gte=RESTS_AFTER)
    failing = WebhookEndpoint.objects.of(organization).kept().filter(troubled)
    trials = subscriptions.filter(status="trialing", trial_ends_at__gte=at, trial_ends_at__lt=at + TRIAL_SOON)
    return [
        part("alerts", AlertCrossing.objects.of(organization).filter(seen_at=None), first_at="at"),
        part("webhooks", failing),
        part("failed_jobs", jobs.filter(state=JobState.FAILED.value)),
        part("deleting", jobs.open().filter(task=DELETION)),
        part("quarantined", QuarantinedEvent.objects.of(organization)),
        part("late_events", LateEvent.objects.of(organization).filter(settled_at=None)),
        part("vat_pending", VatCheck.objects.of(organization).filter(state="pending")),
        part("vat_failed", unanswered, count=Count("customer", distinct=True)),
        part("provider_failed", links),
        part("trials", trials, first_at="trial_ends_at"),
        part("ending", live.filter(ending_at__gte=at, ending_at__lt=at + SOON), first_at="ending_at"),
        part("customers", Customer.objects.of(organization).kept()),
        part("subscriptions", subscriptions.filter(status__in=[status.value for status in LIVE])),
        some("metric", Metric.objects.of(organization).kept()),
        some("plan", Plan.objects.of(organization).kept()),
        some("event", Event.objects.of(organization)),
    ]


def some(kind: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """One line when there is any row; the others are not counted."""
    return part(kind, rows.filter(pk__in=rows.order_by().values("pk")[:1]))
