"""The strip of the Overview tab: what a customer has paid, owes, has left and brings, by currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Case, F, Q, Value, When

from billing.models import Subscription, Wallet
from billing.queries.schedules import customer_zone
from billing.queries.wallets import wallet_states
from billing.rules.periods import local_date, start_of_day
from customers.models import Customer
from customers.queries.needs import Part, part
from customers.queries.overview import PAYING
from customers.rules.ageing import BUCKETS, Bucket
from customers.rules.recurring import monthly_minor
from invoicing.models import RECEIVED, Invoice, Payment
from invoicing.rules.states import DisputeState

PAID, NOT_DUE = "paid", "not_due"


@dataclass(frozen=True)
class Credits:
    """Active wallets of a currency: how many are in use, and of all of them what a debit could take and what is owed,
    in minor units.
    """

    count: int = 0
    available_minor: int = 0
    debt_minor: int = 0


@dataclass(frozen=True)
class Figures:
    """Amounts in minor units of one currency, each with the number of rows behind it.

    `paid`: money received since New Year's Day less what was refunded of it. `outstanding`: everything that is issued
    and unpaid, `late` of it by bucket. `mrr`: what the plans' fees come to per month.
    """

    currency: str
    paid: Part
    outstanding: Part
    late: list[tuple[Bucket, Part]]
    overdue: Part
    credits: Credits
    mrr: Part

    @property
    def quiet(self) -> bool:
        """Whether there is nothing at all."""
        return not any(item.count for item in (self.paid, self.outstanding, self.credits, self.mrr))


@dataclass(frozen=True)
class Strip:
    """The figures by currency, the customer's own first; `today` and `year` are the customer's."""

    today: date
    currencies: list[Figures] = field(default_factory=list)

    @property
    def year_text(self) -> str:
        """The calendar year of what is "paid this year"."""
        return str(self.today.year)

    @property
    def overdue(self) -> list[Figures]:
        """Those in which something is late."""
        return [one for one in self.currencies if one.overdue.count]


def balance_strip(customer: Customer, subscriptions: Iterable[Subscription], at: datetime) -> Strip:
    """Two queries, three when there are credits; `subscriptions` are the open ones with their plans."""
    tz = customer_zone(customer)
    today = local_date(at, tz)
    found: dict[str, dict[str, Part]] = defaultdict(dict)
    new_year = start_of_day(date(today.year, 1, 1), tz)
    for kind, currency, count, minor, _ in rows(customer, today, new_year):
        found[currency][kind] = Part(currency, count, minor or 0)
    recurring: dict[str, list[int]] = defaultdict(list)
    for row in subscriptions:
        if row.status in PAYING:
            recurring[row.currency].append(monthly_minor(row.amount_minor, row.plan.interval))
    credits = credits_of(customer, at)
    others = sorted((found.keys() | recurring.keys() | credits.keys()) - {customer.currency})
    strip = [
        figures(code, found[code], credits.get(code, Credits()), recurring[code])
        for code in (customer.currency, *others)
    ]
    return Strip(today, [strip[0], *(one for one in strip[1:] if not one.quiet)])


def rows(customer: Customer, today: date, new_year: datetime) -> Iterable[tuple[str, str, int, int, Any]]:
    """(kind, currency, rows, minor units, no moment) of invoices and payments."""
    unpaid = Invoice.objects.filter(customer=customer).unpaid()
    age = Case(
        *(
            When(Q(due_on__gte=first) if first else Q(due_on__lte=last), then=Value(bucket.name))
            for bucket in BUCKETS
            for first, last in [bucket.due_days(today)]
        ),
        default=Value(NOT_DUE),
    )
    contested = When(dispute=DisputeState.OPEN.value, then=Value(NOT_DUE))
    late = Case(contested, When(due_on__lt=today, then=age), default=Value(NOT_DUE))
    paid = Payment.objects.filter(customer=customer, status__in=RECEIVED, paid_at__gte=new_year)
    currency = F("currency")
    return part(late, unpaid, currency=currency, minor=F("total_minor") - F("paid_minor")).union(
        part(PAID, paid, currency=currency, minor=F("amount_minor") - F("refunded_minor")),
        all=True,
    )


def credits_of(customer: Customer, at: datetime) -> dict[str, Credits]:
    """What active wallets hold, by currency. One query, two when there is something in them."""
    wallets = list(Wallet.objects.filter(customer=customer).active())
    for wallet in wallets:
        wallet.customer = customer
    states = wallet_states(wallets, at)
    by_currency: dict[str, list[Wallet]] = defaultdict(list)
    for wallet in wallets:
        by_currency[wallet.currency].append(wallet)
    return {
        code: Credits(
            sum(not wallet.untouched for wallet in found),
            sum(states[wallet.pk].available_minor for wallet in found),
            sum(states[wallet.pk].debt_minor for wallet in found),
        )
        for code, found in by_currency.items()
    }


def figures(currency: str, found: dict[str, Part], credits: Credits, recurring: list[int]) -> Figures:
    """One currency's figures; what was not found is nothing."""
    nothing = Part(currency, 0)
    late = [(bucket, found.get(bucket.name, nothing)) for bucket in BUCKETS]
    overdue = total(currency, (item for _, item in late))
    return Figures(
        currency,
        paid=found.get(PAID, nothing),
        outstanding=total(currency, (overdue, found.get(NOT_DUE, nothing))),
        late=late,
        overdue=overdue,
        credits=credits,
        mrr=Part(currency, len(recurring), sum(recurring)),
    )


def total(currency: str, parts: Iterable[Part]) -> Part:
    """Several parts of one currency as one."""
    known = list(parts)
    return Part(currency, sum(one.count for one in known), sum(one.minor for one in known))
